import { readdir, stat } from 'node:fs/promises'
import { extname, join, sep } from 'node:path'
import type { Clip } from './clip.ts'
import { fileError, readBytes } from './disk.ts'
import { decodeVideo, type Environment } from './ffmpeg.ts'
import { decodeClip, pictureInfo, rasterizeSvg } from './webp.ts'

const pictures = ['.png', '.jpg', '.jpeg', '.webp', '.gif', '.svg'] as const
const videos = ['.mp4', '.m4v', '.mov', '.webm', '.mkv', '.avi'] as const

/** Endings of files in which pictures are looked for; video needs ffmpeg. */
export const pictureEndings: readonly string[] = [...pictures, ...videos]

/** Whether a name ends as pictures, clips or videos do. */
export const isPictureName = (name: string): boolean => pictureEndings.includes(extname(name).toLowerCase())

const isVideoName = (name: string) => (videos as readonly string[]).includes(extname(name).toLowerCase())

/** Longer side to which a drawing without pixels is drawn. */
const drawingSide = 512

/** Frames that are taken from a video, evenly over it. */
const videoFrames = 16

/**
 * A picture, clip or video file as frames; a strip that tubelet wrote is taken apart into the frames of its clip.
 * Throws TubeletError('input') where it cannot be read or is damaged.
 */
export async function readPicture(path: string, env: Environment = process.env): Promise<Clip & { delays?: number[] }> {
  if (!isVideoName(path)) return decodePicture(await readBytes(path), path)
  await stat(path).catch((error) => {
    throw fileError(error, 'read', path)
  })
  return decodeVideo(path, { count: videoFrames, env })
}

/** The same of the bytes of a picture or clip; `name` names it in errors. */
export async function decodePicture(bytes: Uint8Array, name = 'picture'): Promise<Clip & { delays?: number[] }> {
  const { format, xmp } = await pictureInfo(bytes, name)
  if (format === 'svg') return rasterizeSvg(bytes, drawingSide, name)
  const clip = await decodeClip(bytes, { name })
  return format === 'png' && xmp?.includes('tubelet:recipe=') ? framesOfStrip(clip) : clip
}

/** A row of squares from left to right becomes the frames of a clip; another picture stays as it is. */
function framesOfStrip(strip: Clip): Clip {
  const { width, height: side } = strip
  if (width % side !== 0) return strip
  const count = width / side
  const frames = new Uint8Array(strip.frames.length)
  for (let t = 0; t < count; t++)
    for (let y = 0; y < side; y++) {
      const from = (y * count + t) * side * 4
      frames.set(strip.frames.subarray(from, from + side * 4), (t * side + y) * side * 4)
    }
  return { frames, count, width: side, height: side, fps: 0 }
}

/** A picture in a folder, and what tells whether it is still the same. */
export interface PictureFile {
  readonly name: string // from the folder, with / between
  readonly size: number // bytes
  readonly mtimeMs: number
}

/** Every file of a folder, or of a folder in it, whose name ends as pictures do, by name; hidden ones are left out. */
export async function findPictures(folder: string): Promise<PictureFile[]> {
  const names = await readdir(folder, { recursive: true }).catch((error) => {
    throw fileError(error, 'read', folder)
  })
  const found: PictureFile[] = []
  for (const name of names.map((name) => name.split(sep).join('/')).sort()) {
    if (!isPictureName(name) || /(^|\/)\./.test(name)) continue
    const file = await stat(join(folder, name)).catch(() => undefined)
    if (file?.isFile()) found.push({ name, size: file.size, mtimeMs: file.mtimeMs })
  }
  return found
}
