import { premultiplied } from '../data/clip-batch.ts'
import { type Clip, frameOf } from '../files/clip.ts'

/** Alpha below which a pixel is taken for empty: fainter ones are noise of the decoder. */
const faint = 6 / 255

/**
 * Premultiplied RGBA planes [T, 4, S, S] in [−1, 1], as the autoencoder makes them, become a clip of straight RGBA
 * bytes: colours are divided by alpha, so that edges stay clean on any background.
 */
export function clipFromPlanes(
  planes: Float32Array,
  { size, fps }: { size: { width: number; height: number }; fps: number },
): Clip {
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

/** A square clip as premultiplied planes [T, 4, S, S] in [−1, 1]. */
export function planesOf(clip: Clip, size: number): Float32Array {
  const planes = new Float32Array(clip.count * 4 * size * size)
  const own = new Float32Array(4 * clip.width ** 2)
  for (let t = 0; t < clip.count; t++) {
    const to = planes.subarray(t * 4 * size * size, (t + 1) * 4 * size * size)
    premultiplied(frameOf(clip, t), clip.width, clip.width === size ? to : own)
    if (clip.width !== size) enlarge(own, to, { from: clip.width, size })
  }
  return planes
}

/** Planes [C, from, from] → [C, S, S] by linear interpolation between the centres of pixels. */
export function enlarge(planes: Float32Array, out: Float32Array, { from, size }: { from: number; size: number }) {
  const at = Array.from({ length: size }, (_, i) => {
    const place = Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / size - 0.5))
    const low = Math.floor(place)
    return { low, high: Math.min(from - 1, low + 1), part: place - low }
  })
  for (let c = 0; c < planes.length / from ** 2; c++)
    for (let y = 0; y < size; y++)
      for (let x = 0; x < size; x++) {
        const row = (v: number) => {
          const begin = (c * from + v) * from
          return planes[begin + at[x].low] * (1 - at[x].part) + planes[begin + at[x].high] * at[x].part
        }
        out[(c * size + y) * size + x] = row(at[y].low) * (1 - at[y].part) + row(at[y].high) * at[y].part
      }
}
