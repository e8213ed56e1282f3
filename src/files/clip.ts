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

/** The bytes of frame `index` of a clip, as a view [H, W, 4]. */
export function frameOf(clip: Clip, index: number): Uint8Array {
  const bytes = clip.width * clip.height * 4
  return clip.frames.subarray(index * bytes, (index + 1) * bytes)
}
