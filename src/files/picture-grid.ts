import sharp from 'sharp'
import { TubeletError } from '../errors.ts'

/** How pictures are laid out. */
export interface PictureGridOptions {
  readonly channels: 1 | 3 | 4 // 4: premultiplied RGBA, shown on white
  readonly height: number // of one picture
  readonly width: number
  readonly columns?: number // pictures in a row; 8
  readonly scale?: number // pixels of the page to one of a picture, unsmoothed; 2
}

const [gap, ground] = [2, 220]

/** A PNG of pictures in rows: pixels [N, C, H, W] in [−1, 1]; what is outside is cut off. */
export async function pictureGrid(pixels: Float32Array, options: PictureGridOptions): Promise<Uint8Array> {
  const { channels, height, width, columns = 8, scale = 2 } = options
  const plane = height * width
  const count = pixels.length / (channels * plane)
  if (!(Number.isInteger(count) && count > 0))
    throw new TubeletError(
      'input',
      `picture grid: ${pixels.length} numbers are no pictures [N, ${channels}, ${height}, ${width}]`,
    )
  const across = Math.min(columns, count)
  const page = { width: across * (width + gap) + gap, height: Math.ceil(count / across) * (height + gap) + gap }
  const bytes = new Uint8Array(page.width * page.height * 3).fill(ground)
  for (let n = 0; n < count; n++) {
    const [left, top] = [gap + (n % across) * (width + gap), gap + Math.floor(n / across) * (height + gap)]
    for (let i = 0; i < plane; i++) {
      const value = (c: number) => Math.min(1, Math.max(0, (pixels[(n * channels + c) * plane + i] + 1) / 2))
      const alpha = channels === 4 ? value(3) : 1
      const to = 3 * ((top + Math.floor(i / width)) * page.width + left + (i % width))
      for (let c = 0; c < 3; c++)
        bytes[to + c] = Math.round(255 * Math.min(1, value(channels === 1 ? 0 : c) + (1 - alpha)))
    }
  }
  const png = await sharp(bytes, { raw: { ...page, channels: 3 } })
    .resize(page.width * scale, page.height * scale, { kernel: 'nearest' })
    .png({ compressionLevel: 9 })
    .toBuffer()
  return new Uint8Array(png.buffer, png.byteOffset, png.length)
}
