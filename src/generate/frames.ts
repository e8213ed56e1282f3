import type { Clip } from '../files/clip.ts'

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
