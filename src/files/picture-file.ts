import { readdir, stat } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { TubeletError } from '../errors.ts'
import type { Clip } from './clip.ts'
import { fileError, readBytes } from './disk.ts'
import { decodeVideo, type Environment, type VideoFrames } from './ffmpeg.ts'
import { decodeClip, type PictureInfo, pictureInfo, rasterizeSvg } from './webp.ts'

const pictures = ['.png', '.jpg', '.jpeg', '.webp', '.gif', '.svg'] as const
const videos = ['.mp4', '.m4v', '.mov', '.webm', '.mkv', '.avi'] as const

/** Endings of files in which pictures are looked for; video needs ffmpeg. */
const pictureEndings: readonly string[] = [...pictures, ...videos]

/** Whether a name ends as pictures, clips or videos do. */
export const isPictureName = (name: string): boolean => pictureEndings.includes(extname(name).toLowerCase())

/** Whether a name ends as videos do. */
export const isVideoName = (name: string) => (videos as readonly string[]).includes(extname(name).toLowerCase())

/** Longer side to which a drawing without pixels is drawn. */
const drawingSide = 512

/** How a file is read. */
export interface ReadOptions {
  /** Variables of the process, for ffmpeg; default those of this one. */
  readonly env?: Environment
  /** Frames that are taken from a video; default 16, evenly over it. */
  readonly video?: VideoFrames
  /** Name of the file in errors; default its path. */
  readonly name?: string
}

/**
 * A picture, clip or video file as frames; a strip that tubelet wrote is taken apart into the frames of its clip.
 * Throws TubeletError('input') where it cannot be read or is damaged.
 */
export async function readPicture(
  path: string,
  { env = process.env, video = { count: 16 }, name = path }: ReadOptions = {},
): Promise<Clip & { delays?: number[] }> {
  if (!isVideoName(path)) return decodePicture(await readBytes(path), name)
  return decodeVideo(path, { taken: video, env, name })
}

/** The same of the bytes of a picture or clip; `name` names it in errors. */
export async function decodePicture(bytes: Uint8Array, name = 'picture'): Promise<Clip & { delays?: number[] }> {
  const info = await pictureInfo(bytes, name)
  if (info.format === 'svg') return rasterizeSvg(bytes, drawingSide, name)
  return takenApart(await decodeClip(bytes, { name }), framesInStrip(info))
}

/**
 * Whether a file moves, by its header alone; a video does. `name` names it in errors. Throws TubeletError('input') where
 * the header is damaged or that of no picture.
 */
export async function isMoving(path: string, name = path): Promise<boolean> {
  if (isVideoName(path)) return true
  const info = await pictureInfo(path, name)
  return info.count > 1 || framesInStrip(info) > 1
}

/** The frames that stand side by side in a strip that tubelet wrote; 1 for another picture. */
function framesInStrip({ format, xmp, width }: PictureInfo): number {
  const [, written] = (format === 'png' && /tubelet:frames="(\d+)"/.exec(xmp ?? '')) || []
  const count = Number(written ?? 1)
  return count > 0 && width % count === 0 ? count : 1 // a strip that was cut is a picture
}

/** A row of frames from left to right becomes a clip; where there is one, it stays as it is. */
function takenApart(strip: Clip, count: number): Clip {
  if (count === 1) return strip
  const [width, height] = [strip.width / count, strip.height]
  const frames = new Uint8Array(strip.frames.length)
  for (let t = 0; t < count; t++)
    for (let y = 0; y < height; y++) {
      const from = (y * count + t) * width * 4
      frames.set(strip.frames.subarray(from, from + width * 4), (t * height + y) * width * 4)
    }
  return { frames, count, width, height, fps: 0 }
}

/** A file in a folder, and what tells whether it is still the same. */
export interface FolderFile {
  readonly name: string // from the folder, with / between
  readonly size: number // bytes
  readonly mtimeMs: number
}

/** Every file of a folder, or of a folder in it, by name; hidden ones are left out. */
export async function findFiles(folder: string): Promise<FolderFile[]> {
  const names: string[] = []
  for await (const name of namesBelow(folder)) names.push(name)
  const found: FolderFile[] = []
  for (const name of names.sort()) {
    const file = await stat(join(folder, name)).catch(() => undefined)
    if (file?.isFile()) found.push({ name, size: file.size, mtimeMs: file.mtimeMs })
  }
  return found
}

/** What a folder holds, down to the files; links to folders may lead in circles, so nothing is looked for behind them. */
async function* namesBelow(folder: string, inside = ''): AsyncGenerator<string> {
  const entries = await readdir(join(folder, inside), { withFileTypes: true }).catch((error) => {
    if (inside && ['EACCES', 'EPERM'].includes(error.code)) return []
    throw fileError(error, 'read', join(folder, inside))
  })
  for (const entry of entries.filter(({ name }) => !name.startsWith('.'))) {
    if (entry.isDirectory()) yield* namesBelow(folder, `${inside}${entry.name}/`)
    else yield inside + entry.name
  }
}

/** Those of some files that are pictures, clips or videos by name; throws TubeletError('input') where there is none. */
export function picturesOf(files: readonly FolderFile[], folder: string): FolderFile[] {
  const found = files.filter(({ name }) => isPictureName(name))
  if (found.length > 0) return found
  throw new TubeletError('input', `${folder}: no picture is in this folder or below it (${pictureEndings.join(', ')})`)
}

/** The error where a folder has pictures, and none of them can be read. */
export const noneReadable = (folder: string, reason: string) =>
  new TubeletError('input', `${folder}: none of its pictures can be read; the first: ${reason}`)
