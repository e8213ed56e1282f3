import { TubeletError } from '../errors.ts'

/** A moving picture in memory: frames [T, H, W, 4] of straight (not premultiplied) RGBA bytes; a still has count 1. */
export interface Clip {
  frames: Uint8Array
  /** T, the number of frames. */
  count: number
  /** W, in pixels. */
  width: number
  /** H, in pixels. */
  height: number
  /** Frames a second; a loop lasts count / fps seconds. A still has 0. */
  fps: number
}

/** Width and height in pixels. */
export type FrameSize = Pick<Clip, 'width' | 'height'>

/** The bytes of frame `index` of a clip, as a view [H, W, 4]. */
export function frameOf(clip: Clip, index: number): Uint8Array {
  const bytes = clip.width * clip.height * 4
  return clip.frames.subarray(index * bytes, (index + 1) * bytes)
}

const mostPixels = 2 ** 28 // 1 GiB

/** Transparent black frames [T, H, W, 4]; throws TubeletError('input') where they are more than memory should hold. */
export function blankFrames(count: number, { width, height }: FrameSize): Uint8Array {
  if (count * width * height > mostPixels)
    throw new TubeletError(
      'input',
      `${count} frames of ${width}×${height} are more than ${mostPixels} pixels, the most that is held in memory`,
    )
  return new Uint8Array(count * width * height * 4)
}

/** The frames of a clip on white: red, green and blue [T, H, W, 3]. */
export function onWhite({ frames }: Clip): Uint8Array {
  const out = new Uint8Array((frames.length / 4) * 3)
  for (let i = 0; i < frames.length / 4; i++) {
    const alpha = frames[4 * i + 3]
    for (let c = 0; c < 3; c++) out[3 * i + c] = Math.round((frames[4 * i + c] * alpha + 255 * (255 - alpha)) / 255)
  }
  return out
}
