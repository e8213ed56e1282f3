import { takeFrames } from '../data/frames.ts'
import { padTo, resizeClip } from '../data/resize.ts'
import { TubeletError } from '../errors.ts'
import type { Clip, FrameSize } from '../files/clip.ts'
import { clipFromPlanes, planesOf } from './frames.ts'
import type { Picture } from './pipeline-frame.ts'
import type { TextToVideo } from './text-to-video.ts'
import { between, comingBefore, edited, fromPicture, goingOn, type VisualPrompt } from './visual-prompt.ts'

/** Pictures and clips of any size and speed that a clip is drawn from, beside its words (Brooks et al. 2024). */
export type AskedVisual<Source = Picture> =
  /**
   * A picture comes to life as the first frame. With `strength` (above 0, at most 1: the part of the noise it begins
   * with) or `mask` (white where may be drawn), the picture or clip is changed.
   */
  | { readonly image: Source; readonly strength?: number; readonly mask?: Source }
  /** A clip goes on; with `back`, what came before it. */
  | { readonly extend: Source; readonly back?: boolean }
  /** A clip is led back to its beginning. */
  | { readonly loop: Source }
  /** What lies between two pictures or clips. */
  | { readonly between: readonly [Source, Source] }

/**
 * What is asked for, at the size and speed that the model draws; `open` reads a picture. Throws TubeletError('input')
 * where a picture stands for a clip, or a clip for a mask, and 'usage' where nothing is asked for.
 */
export async function visualPromptFor<Source>(
  asked: AskedVisual<Source>,
  { width, height, frames, fps }: Pick<TextToVideo, 'width' | 'height' | 'frames' | 'fps'>,
  open: (picture: Source) => Promise<Clip & { delays?: number[] }>,
): Promise<VisualPrompt> {
  const size = { width, height }
  const read = async (picture: Source) => {
    const clip = await open(picture)
    return atSpeed({ ...fitted(clip, size), delays: clip.delays }, fps) // small ones are repeated, not large ones
  }
  const nameOf = (picture: Source) => (typeof picture === 'string' ? picture : 'the picture')
  const readClip = async (picture: Source) => {
    const clip = await read(picture)
    if (clip.count > 1) return clip
    throw new TubeletError('input', `${nameOf(picture)}: has one frame; only a clip can be extended or looped`)
  }
  const readMask = async (picture: Source) => {
    const clip = await open(picture)
    if (clip.count === 1) return whites(fitted(clip, size))
    throw new TubeletError('input', `${nameOf(picture)}: has ${clip.count} frames; a mask has one`)
  }
  if ('image' in asked) {
    const { strength, mask } = asked
    if (strength === undefined && mask === undefined) return fromPicture(fitted(await open(asked.image), size), frames)
    const picture = await open(asked.image) // its speed stays, as the model draws over its frames
    const clip = inFrames({ ...fitted(picture, size), delays: picture.delays }, frames)
    return edited(clip, frames, { strength, mask: mask === undefined ? undefined : await readMask(mask) })
  }
  if ('extend' in asked) return (asked.back ? comingBefore : goingOn)(await readClip(asked.extend), frames)
  if ('loop' in asked) {
    const clip = await readClip(asked.loop)
    return between(clip, clip, frames)
  }
  if ('between' in asked) return between(await read(asked.between[0]), await read(asked.between[1]), frames)
  throw new TubeletError('usage', 'text-to-video: draws from image, extend, loop or between')
}

const mostPixels = 2 ** 27 // of all frames: half a gigabyte

/** A clip at another number of frames a second; the one frame of a picture stays as it is. */
function atSpeed(clip: Clip & { delays?: number[] }, fps: number): Clip {
  if (clip.count === 1 || !(clip.fps > 0)) return { ...clip, fps }
  const count = Math.max(2, Math.round((clip.count * fps) / clip.fps))
  if (count * clip.width * clip.height > mostPixels)
    throw new TubeletError(
      'input',
      `a clip of ${Math.round(clip.count / clip.fps)} seconds is too long to be drawn from`,
    )
  return { ...inFrames(clip, count), fps }
}

/** The same moments in another number of frames; a picture has none. */
function inFrames(clip: Clip & { delays?: number[] }, count: number): Clip {
  if (clip.count === 1 || !(clip.fps > 0)) return clip
  const delays = clip.delays ?? new Array<number>(clip.count).fill(1000 / clip.fps)
  return takeFrames({ ...clip, delays }, count)
}

/** A clip in the middle of a transparent frame of the size that is drawn. */
function fitted(clip: Clip, size: FrameSize): Clip {
  const times = Math.min(size.width / clip.width, size.height / clip.height)
  const inner = {
    width: Math.max(1, Math.round(times * clip.width)),
    height: Math.max(1, Math.round(times * clip.height)),
  }
  const drawn =
    times > 1
      ? clipFromPlanes(planesOf(clip, inner), { size: inner, fps: clip.fps })
      : resizeClip(clip, inner.width, inner.height)
  return padTo(drawn, size)
}

/** How white each pixel of a picture is on black: [H · W] in 0…255. */
function whites({ frames }: Clip): Uint8Array {
  return Uint8Array.from({ length: frames.length / 4 }, (_, i) => {
    const [r, g, b, a] = frames.subarray(4 * i, 4 * i + 4)
    return ((r + g + b) / 3) * (a / 255)
  })
}
