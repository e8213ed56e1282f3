import sharp, { type Sharp } from 'sharp'
import { TubeletError } from '../errors.ts'
import type { Clip } from './clip.ts'

/** What the header of a picture file says; nothing is decoded for it. */
export interface PictureInfo {
  format: string
  width: number
  height: number
  /** Number of frames; 1 for a still. */
  count: number
  /** How long each frame is shown, in milliseconds, by a browser; empty for a still. */
  delays: number[]
  /** The XMP document in the file, where there is one. */
  xmp?: string
}

/** What may be decoded. */
export interface DecodeOptions {
  /** Name of the file or member, for messages. */
  name?: string
  /** Most pixels over all frames, checked before anything is allocated; default 2^26 (256 MiB of RGBA). */
  maxPixels?: number
}

/** How a clip is written; a clip of one frame becomes a still. */
export interface EncodeOptions {
  /** 1 to 100, or 'lossless'; default 90. */
  quality?: number | 'lossless'
  /** 0 to 100 for the alpha plane, 100 is lossless; default 100. */
  alphaQuality?: number
  /** 0 (fast) to 6 (small); default 4, and 2 for lossless, where more takes thrice the time for 3 % less. */
  effort?: number
  /** An XMP document kept in the file, for the recipe of a generated clip. */
  xmp?: string
}

const defaultMaxPixels = 2 ** 26

/** Milliseconds for which browsers show a frame: 100 where the file asks for 10 or fewer; libvips says so of WebP alone. */
const shownFor = (delay: number) => (delay <= 10 ? 100 : delay)

/** Reads the header of a WebP, PNG, GIF, JPEG or SVG, of bytes or of a path; throws TubeletError('input') when it is none or damaged. */
export async function pictureInfo(source: Uint8Array | string, name = 'picture'): Promise<PictureInfo> {
  try {
    const meta = await sharp(source, { pages: -1 }).metadata()
    const count = meta.pages ?? 1
    const { format, width, pageHeight: height = meta.height } = meta
    const xmp = meta.xmpAsString
    const delays = count > 1 ? (meta.delay ?? []).map(shownFor) : []
    return { format, width, height, count, delays, ...(xmp ? { xmp } : {}) }
  } catch (error) {
    throw damaged(name, error)
  }
}

/**
 * Decodes a still or animated WebP, GIF, PNG or JPEG to straight RGBA; a photo is turned as its camera was held.
 * Throws TubeletError('input') when it is damaged, cut short, no picture, or larger than `maxPixels`.
 */
export async function decodeClip(bytes: Uint8Array, options: DecodeOptions = {}): Promise<Clip & { delays: number[] }> {
  const { name = 'picture', maxPixels = defaultMaxPixels } = options
  const { width, height, count, delays } = await pictureInfo(bytes, name)
  if (width * height * count > maxPixels) {
    const size = `${count} frames of ${width}×${height}`
    throw new TubeletError('input', `${name}: ${size} are more than ${maxPixels} pixels, the most that is decoded`)
  }
  try {
    const image = sharp(bytes, { pages: -1, limitInputPixels: maxPixels })
    const { data, info } = await (count === 1 ? image.autoOrient() : image)
      .toColourspace('srgb')
      .ensureAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true })
    if (info.channels !== 4 || data.length !== width * height * count * 4) throw new Error('not RGBA')
    const duration = delays.reduce((sum, delay) => sum + delay, 0)
    const frames = new Uint8Array(data.buffer, data.byteOffset, data.length)
    const turned = count === 1 ? { width: info.width, height: info.height } : { width, height }
    return { frames, count, ...turned, fps: duration > 0 ? (count * 1000) / duration : 0, delays }
  } catch (error) {
    throw damaged(name, error)
  }
}

/** Decodes an SVG drawing to one frame whose longer side is `size` pixels; throws TubeletError('input') when it is damaged. */
export async function rasterizeSvg(svg: Uint8Array, size: number, name = 'drawing'): Promise<Clip> {
  const { width, height, format } = await pictureInfo(svg, name)
  if (format !== 'svg') throw new TubeletError('input', `${name}: expected an SVG drawing, found ${format}`)
  // librsvg draws at 72 pixels an inch when nothing is asked.
  const density = Math.min(2400, Math.max(1, (72 * size) / Math.max(width, height)))
  try {
    const png = await sharp(svg, { density, limitInputPixels: defaultMaxPixels })
      .resize(size, size, { fit: 'inside' })
      .png({ compressionLevel: 0 })
      .toBuffer()
    return await decodeClip(png, { name })
  } catch (error) {
    throw damaged(name, error)
  }
}

/** Writes a clip as WebP: animated and looping for ever when it has several frames, with alpha. */
export async function encodeWebp(clip: Clip, options: EncodeOptions = {}): Promise<Uint8Array> {
  const { quality = 90, alphaQuality = 100, xmp } = options
  const lossless = quality === 'lossless'
  const effort = options.effort ?? (lossless ? 2 : 4)
  const image = fromClip(clip).webp({
    ...(lossless ? { lossless: true, exact: false } : { quality, smartSubsample: true }),
    alphaQuality,
    effort,
    ...timing(clip),
  })
  return bytesOf(xmp ? image.withXmp(xmp) : image)
}

/** Writes a clip as an animated GIF: at most 256 colours a frame and alpha of one bit. */
export async function encodeGif(clip: Clip): Promise<Uint8Array> {
  return bytesOf(fromClip(clip).gif({ effort: 7, ...timing(clip, 10) }))
}

/** Writes a clip as one PNG with its frames side by side from left to right: [H, T·W]. */
export async function encodeStrip(clip: Clip, options: Pick<EncodeOptions, 'xmp'> = {}): Promise<Uint8Array> {
  const { frames, count, width, height } = clip
  const row = width * 4
  const strip = new Uint8Array(frames.length)
  for (let t = 0; t < count; t++) {
    for (let y = 0; y < height; y++) {
      const from = (t * height + y) * row
      strip.set(frames.subarray(from, from + row), (y * count + t) * row)
    }
  }
  const image = fromClip({ frames: strip, count: 1, width: width * count, height, fps: 0 }).png()
  return bytesOf(options.xmp ? image.withXmp(options.xmp) : image)
}

/**
 * Milliseconds for each frame, multiples of `unit`, whose sum is the rounded duration of the loop, so that nothing drifts.
 * GIF counts in hundredths of a second.
 */
export function frameDelays(count: number, fps: number, unit = 1): number[] {
  const end = (k: number) => Math.round((k * 1000) / fps / unit)
  return Array.from({ length: count }, (_, k) => unit * Math.max(1, end(k + 1) - end(k)))
}

function timing({ count, fps }: Clip, unit?: number): { delay?: number[]; loop?: number } {
  return count > 1 ? { delay: frameDelays(count, fps, unit), loop: 0 } : {}
}

function fromClip({ frames, count, width, height, fps }: Clip): Sharp {
  if (count < 1 || width < 1 || height < 1 || frames.length !== count * width * height * 4) {
    const claim = `${count} frames of ${width}×${height}`
    throw new TubeletError(
      'input',
      `a clip of ${claim} needs ${count * width * height * 4} bytes (got ${frames.length})`,
    )
  }
  if (count > 1 && !(fps > 0))
    throw new TubeletError('input', `a clip of ${count} frames needs fps above 0 (got ${fps})`)
  return sharp(frames, {
    raw: { width, height: height * count, channels: 4, ...(count > 1 && { pageHeight: height }) },
    limitInputPixels: false,
  })
}

async function bytesOf(image: Sharp): Promise<Uint8Array> {
  const data = await image.toBuffer()
  return new Uint8Array(data.buffer, data.byteOffset, data.length)
}

function damaged(name: string, cause: unknown): TubeletError {
  if (cause instanceof TubeletError) return cause
  const reason = (cause instanceof Error ? cause.message : String(cause)).split('\n')[0]
  return new TubeletError('input', `${name}: damaged, or not a picture that can be read (${reason})`, { cause })
}
