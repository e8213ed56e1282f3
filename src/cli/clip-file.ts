import { access, constants, stat } from 'node:fs/promises'
import { basename, dirname, extname } from 'node:path'
import { TubeletError } from '../errors.ts'
import type { Clip } from '../files/clip.ts'
import { fileError, writeFileAtomic } from '../files/disk.ts'
import { encodeMp4, ffmpegMissing, ffmpegVersion } from '../files/ffmpeg.ts'
import { addGifComment } from '../files/gif-comment.ts'
import { encodeGif, encodeStrip, encodeWebp } from '../files/webp.ts'
import { recipeComment, recipeXmp } from './clip-recipe.ts'
import type { Io } from './io.ts'

/** File endings of clips. */
const clipEndings = ['.webp', '.gif', '.png', '.mp4'] as const

/** Bytes of a file's name that leave room for the one it has while it is written. */
const longestName = 220

/** Throws TubeletError('usage') where a clip cannot be written under that name, before anything is drawn. */
export function checkClipName(path: string) {
  if (!clipEndings.some((ending) => extname(path).toLowerCase() === ending))
    throw new TubeletError('usage', `${path}: the file must end in ${clipEndings.join(', ')}`)
}

/**
 * Throws TubeletError('input') where it can be known before anything is drawn that a clip cannot be written: a folder
 * of that name, a file or a folder without permission on the way, no ffmpeg for .mp4. The paths are absolute.
 */
export async function checkClipPlaces(paths: readonly string[], env: Io['env']): Promise<void> {
  const folders = new Map<string, string>() // each with a path in it
  for (const path of paths) {
    if (Buffer.byteLength(basename(path)) > longestName) throw cannotWrite('ENAMETOOLONG', path)
    folders.set(dirname(path), path)
    const there = await stat(path).catch(() => undefined)
    if (there?.isDirectory()) throw cannotWrite('EISDIR', path)
  }
  for (const [folder, path] of folders) await checkFolder(folder, path)
  if (paths.some((path) => extname(path).toLowerCase() === '.mp4') && !(await ffmpegVersion(env))) throw ffmpegMissing()
}

const cannotWrite = (code: string, path: string) => fileError(Object.assign(new Error(code), { code }), 'write', path)

/** The folder, or the nearest one above it that exists, must take new files. */
async function checkFolder(folder: string, path: string): Promise<void> {
  try {
    const found = await stat(folder)
    if (!found.isDirectory()) throw cannotWrite('ENOTDIR', path)
    await access(folder, constants.W_OK)
  } catch (error) {
    const above = dirname(folder)
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || above === folder) throw fileError(error, 'write', path)
    await checkFolder(above, path)
  }
}

/** Writes a clip by the ending of its name, with its recipe inside. */
export async function writeClip(path: string, clip: Clip, { recipe, env }: { recipe: object; env: Io['env'] }) {
  await writeFileAtomic(path, await encode(extname(path).toLowerCase(), clip, { recipe, env }))
}

async function encode(ending: string, clip: Clip, { recipe, env }: { recipe: object; env: Io['env'] }) {
  switch (ending) {
    case '.webp':
      return encodeWebp(clip, { xmp: recipeXmp(recipe) })
    case '.gif':
      return addGifComment(await encodeGif(clip), recipeComment(recipe))
    case '.png':
      return encodeStrip(clip, { xmp: recipeXmp(recipe, clip.count) })
    default:
      return encodeMp4(clip, { comment: recipeComment(recipe), env })
  }
}
