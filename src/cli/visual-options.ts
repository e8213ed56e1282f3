import { takeFrames } from '../data/frames.ts'
import { padTo, resizeClip } from '../data/resize.ts'
import { TubeletError } from '../errors.ts'
import type { Clip, FrameSize } from '../files/clip.ts'
import { readPicture } from '../files/picture-file.ts'
import { clipFromPlanes, planesOf } from '../generate/frames.ts'
import type { TextToVideo } from '../generate/text-to-video.ts'
import { between, comingBefore, edited, fromPicture, goingOn, type VisualPrompt } from '../generate/visual-prompt.ts'
import type { Shell } from './command.ts'

/** The flags of `generate` that name pictures and clips. */
export interface VisualOptions {
  readonly image?: string
  readonly strength?: number
  readonly mask?: string
  readonly extend?: string
  readonly back?: true
  readonly loop?: string
  readonly between?: readonly string[]
}

/** Throws TubeletError('usage') where the flags do not go together. */
export function checkVisualOptions(options: VisualOptions, { t }: Shell): void {
  const { image, strength, mask, extend, back, loop, between } = options
  const usage = (text: string) => new TubeletError('usage', text)
  if ([image, extend, loop, between].filter((one) => one !== undefined).length > 1) throw usage(t('generate.oneVisual'))
  for (const [option, value] of Object.entries({ '--strength': strength, '--mask': mask }))
    if (value !== undefined && image === undefined) throw usage(t('generate.needsImage', { option }))
  if (back && extend === undefined) throw usage(t('generate.needsExtend'))
  if (between && between.length !== 2) throw usage(t('generate.two', { count: between.length }))
}

/** What the flags ask for beside the words, read from their files; undefined where there are none. */
export async function visualPrompt(
  options: VisualOptions,
  { width, height, frames, fps }: TextToVideo,
  { path, io, t }: Shell,
): Promise<VisualPrompt | undefined> {
  const { image, strength, mask, extend, back, loop, between: ends } = options
  if ([image, extend, loop, ends].every((one) => one === undefined)) return undefined
  const size = { width, height }
  const open = (file: string) => readPicture(path(file), { env: io.env })
  const read = async (file: string) => fitted(atSpeed(await open(file), fps), size)
  const readClip = async (file: string, option: string) => {
    const clip = await read(file)
    if (clip.count === 1) throw new TubeletError('input', t('generate.needsClip', { option, path: file }))
    return clip
  }
  if (image !== undefined) {
    const picture = await read(image)
    if (strength === undefined && mask === undefined) return fromPicture(picture, frames)
    const drawn = mask === undefined ? undefined : whites(fitted(await open(mask), size))
    return edited(picture, frames, { strength, mask: drawn })
  }
  if (extend !== undefined) return (back ? comingBefore : goingOn)(await readClip(extend, '--extend'), frames)
  if (loop !== undefined) {
    const clip = await readClip(loop, '--loop')
    return between(clip, clip, frames)
  }
  return between(await read(ends![0]), await read(ends![1]), frames)
}

/** What of it belongs into the recipe of a file. */
export const visualRecipe = ({ image, strength, mask, extend, back, loop, between }: VisualOptions): VisualOptions => ({
  ...{ image, strength, mask, extend, back, loop, between },
})

/** A clip at another number of frames a second; a picture stays as it is. */
function atSpeed(clip: Clip & { delays?: number[] }, fps: number): Clip {
  if (clip.count === 1 || !(clip.fps > 0)) return clip
  const count = Math.max(2, Math.round((clip.count * fps) / clip.fps))
  return takeFrames({ ...clip, delays: clip.delays ?? new Array<number>(clip.count).fill(1000 / clip.fps) }, count)
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
