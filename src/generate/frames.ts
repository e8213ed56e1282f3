import { premultiplied } from '../data/clip-batch.ts'
import { type Clip, type FrameSize, frameOf } from '../files/clip.ts'

/** Alpha below which a pixel is taken for empty: fainter ones are noise of the decoder. */
const faint = 6 / 255

/**
 * Premultiplied RGBA planes [T, 4, H, W] in [−1, 1], as the autoencoder makes them, become a clip of straight RGBA
 * bytes: colours are divided by alpha, so that edges stay clean on any background.
 */
export function clipFromPlanes(planes: Float32Array, { size, fps }: { size: FrameSize; fps: number }): Clip {
  const { width, height } = size
  const plane = width * height
  const count = planes.length / (4 * plane)
  const frames = new Uint8Array(count * plane * 4)
  const unit = (v: number) => Math.min(1, Math.max(0, (v + 1) / 2))
  for (let t = 0; t < count; t++)
    for (let i = 0; i < plane; i++) {
      const at = t * 4 * plane + i
      const alpha = unit(planes[at + 3 * plane])
      if (alpha < faint) continue
      const to = 4 * (t * plane + i)
      for (let c = 0; c < 3; c++) frames[to + c] = Math.round(255 * Math.min(1, unit(planes[at + c * plane]) / alpha))
      // Nearly opaque pixels are opaque: the decoder stops short of the ends of its range.
      frames[to + 3] = alpha > 1 - faint ? 255 : Math.round(255 * alpha)
    }
  return { frames, count, width, height, fps }
}

/** A clip as premultiplied planes [T, 4, H, W] in [−1, 1], drawn larger where it is smaller than `size`. */
export function planesOf(clip: Clip, size: FrameSize): Float32Array {
  const same = clip.width === size.width && clip.height === size.height
  const plane = 4 * size.width * size.height
  const planes = new Float32Array(clip.count * plane)
  const own = new Float32Array(4 * clip.width * clip.height)
  for (let t = 0; t < clip.count; t++) {
    const to = planes.subarray(t * plane, (t + 1) * plane)
    premultiplied(frameOf(clip, t), clip, same ? to : own)
    if (!same) enlarge(own, to, { from: clip, size })
  }
  return planes
}

/** Planes [C, from.height, from.width] → [C, H, W] by linear interpolation between the centres of pixels. */
export function enlarge(planes: Float32Array, out: Float32Array, { from, size }: { from: FrameSize; size: FrameSize }) {
  const [rows, columns] = [neighbours(from.height, size.height), neighbours(from.width, size.width)]
  const area = from.width * from.height
  for (let c = 0, to = 0; c < planes.length / area; c++)
    for (const y of rows)
      for (const x of columns) {
        const row = (v: number) => {
          const begin = c * area + v * from.width
          return planes[begin + x.low] * (1 - x.part) + planes[begin + x.high] * x.part
        }
        out[to++] = row(y.low) * (1 - y.part) + row(y.high) * y.part
      }
}

/** For each of `size` pixels, the two of `from` between whose centres its own lies. */
const neighbours = (from: number, size: number) =>
  Array.from({ length: size }, (_, i) => {
    const place = Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / size - 0.5))
    const low = Math.floor(place)
    return { low, high: Math.min(from - 1, low + 1), part: place - low }
  })
