import { resizeClip } from '../data/resize.ts'
import type { Known } from '../diffusion/known.ts'
import { TubeletError } from '../errors.ts'
import { type Clip, frameOf } from '../files/clip.ts'
import { latentFrames, timeStride } from '../models/video-vae.ts'
import type { LatentEncoder } from './latent-encoder.ts'

/**
 * What a clip is to be drawn from beside words (Brooks et al. 2024, "Prompting with images and videos"): frames of the
 * whole clip, and which of them are given. Those that are not repeat the nearest one before them, as the autoencoder
 * is causal and reads what came first.
 */
export interface VisualPrompt {
  readonly clip: Clip // as many frames as are drawn
  readonly given: readonly boolean[] // for each latent frame; the first stands for frame 0, frame t for 2t − 1 and 2t
  /** The drawn clip, with the rest of what it goes on from or leads to. */
  readonly whole: (drawn: Clip) => Clip
  /** Part of the noise that the drawing begins with, above 0 and at most 1; 1 where absent (Meng et al. 2022, SDEdit). */
  readonly strength?: number
  /** Where it may draw, as part of each pixel [H, W] in 0…255; everywhere where absent. */
  readonly mask?: Uint8Array
}

/** Latent frames that a clip shares with the one that it goes on from or leads to: a third, so 5 frames of 17. */
const overlapOf = (frames: number): number => Math.max(1, Math.floor(latentFrames(frames) / 3))

/** A picture comes to life: it is the first frame. */
export function fromPicture(picture: Clip, frames: number): VisualPrompt {
  return { clip: sequence(picture, new Array<number>(frames).fill(0)), given: givenFrames(frames, 1, 0), whole: same }
}

/** A clip goes on: its last frames are the first ones. */
export function goingOn(clip: Clip, frames: number): VisualPrompt {
  const overlap = overlapOf(frames)
  const shown = shownBy(overlap)
  const first = clip.count - shown
  const order = Array.from({ length: frames }, (_, t) => Math.max(0, first + Math.min(t, shown - 1)))
  const whole = (drawn: Clip) => joined(clip, part(drawn, shown))
  return { clip: sequence(clip, order), given: givenFrames(frames, overlap, 0), whole }
}

/** What came before a clip: its first frames are the last ones. */
export function comingBefore(clip: Clip, frames: number): VisualPrompt {
  const overlap = overlapOf(frames)
  const start = frames - timeStride * overlap
  const order = Array.from({ length: frames }, (_, t) => Math.min(clip.count - 1, Math.max(0, t - start)))
  const whole = (drawn: Clip) => joined(part(drawn, 0, start), clip)
  return { clip: sequence(clip, order), given: givenFrames(frames, 0, overlap), whole }
}

/** From the end of one clip, or a picture, to the beginning of another; from a clip to itself it is a loop. */
export function between(before: Clip, after: Clip, frames: number): VisualPrompt {
  if (before.width !== after.width || before.height !== after.height)
    throw new TubeletError('usage', 'between: both clips must have the same size')
  const [head, tail] = [before, after].map(({ count }) => (count > 1 ? overlapOf(frames) : 1))
  const shown = shownBy(head)
  const start = frames - timeStride * tail
  const all = joined(before, after)
  const order = Array.from({ length: frames }, (_, t) =>
    t < start
      ? Math.max(0, before.count - shown + Math.min(t, shown - 1))
      : before.count + Math.min(after.count - 1, t - start),
  )
  const whole = (drawn: Clip) => joined(before, part(drawn, shown, start), ...(after === before ? [] : [after]))
  return { clip: sequence(all, order), given: givenFrames(frames, head, tail), whole }
}

/** A clip, or a picture, is drawn anew from a part of the noise, where the mask allows it; a clip lasts as long as before. */
export function edited(
  clip: Clip,
  frames: number,
  { strength, mask }: Pick<VisualPrompt, 'strength' | 'mask'>,
): VisualPrompt {
  if (strength !== undefined && !(strength > 0 && strength <= 1))
    throw new TubeletError('usage', `the strength must be above 0 and at most 1 (got ${strength})`)
  const order = Array.from({ length: frames }, (_, t) => Math.floor((t * clip.count) / frames))
  const whole = (drawn: Clip) => (clip.count > 1 && clip.fps > 0 ? { ...drawn, fps: speedOf(clip, frames) } : drawn)
  return { clip: sequence(clip, order), given: givenFrames(frames, 0, 0), strength, mask, whole }
}

const same = (drawn: Clip): Clip => drawn

/** Frames a second with which `frames` last as long as a clip, but no more than browsers show. */
const speedOf = ({ count, fps }: Clip, frames: number): number => Math.min(50, (frames * fps) / count)

/** What the sampler has to know of it: latents [C, T, H, W], and the mask at their size. */
export async function knownLatents(
  { clip, given, strength, mask }: VisualPrompt,
  encoder: LatentEncoder,
  [, , height, width]: readonly number[],
): Promise<Known> {
  const x0 = await encoder.encode(clip)
  if (mask && mask.length !== clip.width * clip.height)
    throw new TubeletError('usage', `a mask of ${mask.length} pixels does not fit ${clip.width} × ${clip.height}`)
  const drawn = mask && resizeClip(asClip(mask, clip), width, height).frames.filter((_, i) => i % 4 === 3)
  return { x0, plane: height * width, given, strength, drawn: drawn && Float32Array.from(drawn, (part) => part / 255) }
}

/** A mask as the alpha of a picture. */
function asClip(mask: Uint8Array, { width, height }: Clip): Clip {
  const frames = new Uint8Array(4 * mask.length)
  mask.forEach((part, i) => {
    frames[4 * i + 3] = part
  })
  return { frames, count: 1, width, height, fps: 0 }
}

/** One clip after the other, as fast as the fastest; a picture has no speed. */
function joined(...clips: readonly Clip[]): Clip {
  const frames = new Uint8Array(clips.reduce((sum, clip) => sum + clip.frames.length, 0))
  let to = 0
  for (const clip of clips) {
    frames.set(clip.frames, to)
    to += clip.frames.length
  }
  const count = clips.reduce((sum, clip) => sum + clip.count, 0)
  return { ...clips[0], frames, count, fps: Math.max(...clips.map(({ fps }) => fps)) }
}

/** Some frames of a clip, in the given order. */
function sequence(clip: Clip, order: readonly number[]): Clip {
  const frames = new Uint8Array(order.length * clip.width * clip.height * 4)
  order.forEach((source, t) => {
    frames.set(frameOf(clip, source), t * clip.width * clip.height * 4)
  })
  return { ...clip, frames, count: order.length }
}

/** The frames from `start` to before `end`. */
const part = (clip: Clip, start: number, end = clip.count): Clip =>
  sequence(
    clip,
    Array.from({ length: Math.max(0, end - start) }, (_, t) => start + t),
  )

/** Frames that so many latent frames at the front stand for. */
const shownBy = (latent: number): number => timeStride * (latent - 1) + 1

function givenFrames(frames: number, first: number, last: number): boolean[] {
  const count = latentFrames(frames)
  if (first + last >= count)
    throw new TubeletError(
      'usage',
      `${frames} frames leave nothing to draw: ${first + last} of ${count} latent frames are given`,
    )
  return Array.from({ length: count }, (_, t) => t < first || t >= count - last)
}
