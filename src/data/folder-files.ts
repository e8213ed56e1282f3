import { basename, join, resolve } from 'node:path'
import { z } from 'zod'
import { stoppedError, TubeletError } from '../errors.ts'
import { readBytes } from '../files/disk.ts'
import { type Environment, ffmpegInstall, ffmpegVersion } from '../files/ffmpeg.ts'
import { fileHash } from '../files/hash.ts'
import {
  type FolderFile,
  findFiles,
  isMoving,
  isPictureName,
  isVideoName,
  noneReadable,
  picturesOf,
} from '../files/picture-file.ts'
import { utf8Text } from '../files/utf8.ts'
import type { Kind, Skipped } from './drawings.ts'
import { captionEndings, captionWords, nameWords, type Words } from './folder-captions.ts'
import { parseAs } from './json.ts'

/** A picture, clip or video in a person's folder. */
export interface FolderPicture {
  readonly name: string // from the folder, with / between
  readonly kind: Kind
  readonly hash: string // SHA-256 of the file
  readonly words: Words
}

/** What a person's folder holds, and what was found to be said about it. */
export interface FolderListing {
  readonly folder: string
  readonly name: string
  readonly pictures: readonly FolderPicture[] // by name, each content once
  readonly skipped: readonly Skipped[] // pictures that cannot be read
  readonly duplicates: readonly { readonly name: string; readonly of: string }[]
  readonly unnamed: readonly string[] // pictures without a caption file
  readonly emptyCaptions: readonly string[]
  readonly loneCaptions: readonly string[] // caption files without a picture
  readonly others: readonly string[] // files that are neither
}

interface ListOptions {
  readonly env?: Environment
  readonly signal?: AbortSignal
  readonly onProgress?: (done: number, total: number) => void
}

/** Files with captions of many pictures, as the imagefolder of Hugging Face's datasets has them. */
const metadataName = 'metadata.jsonl'

/**
 * Lists the pictures, clips and videos of a folder and of the folders in it with their captions, and what is wrong with
 * some. Throws TubeletError('input') where none can be read.
 */
export async function listFolder(path: string, options: ListOptions = {}): Promise<FolderListing> {
  const { env = process.env, signal, onProgress } = options
  const folder = resolve(path)
  const files = await findFiles(folder)
  const found = picturesOf(files, folder)
  const captions = await openCaptions(folder, files)
  const videos = found.some(({ name }) => isVideoName(name)) ? await ffmpegVersion(env) : undefined
  const [read, skipped]: [ReadPicture[], Skipped[]] = [[], []]
  for (const [i, { name }] of found.entries()) {
    if (signal?.aborted) throw stoppedError()
    try {
      if (isVideoName(name) && !videos)
        throw new TubeletError('input', `${name}: reading video needs ffmpeg: ${ffmpegInstall()}`)
      const kind = (await isMoving(join(folder, name), name)) ? 'clip' : 'still'
      read.push({ name, kind, hash: await fileHash(join(folder, name)), caption: await captions.of(name) })
    } catch (error) {
      if (!(error instanceof TubeletError) || error.code !== 'input') throw error
      skipped.push({ name, reason: error.message })
    }
    onProgress?.(i + 1, found.length)
  }
  if (read.length === 0) throw noneReadable(folder, skipped[0].reason)
  const others = files.flatMap(({ name }) => (isPictureName(name) || captions.files.has(name) ? [] : [name]))
  const told = { skipped, loneCaptions: captions.lone, others }
  return { folder, name: basename(folder), ...told, ...onceEach(read) }
}

/** A picture whose header could be read. */
interface ReadPicture extends Omit<FolderPicture, 'words'> {
  readonly caption: Words | 'empty' | undefined
}

/** Each content once, by the first file that has a caption, and what that leaves to be told. */
function onceEach(read: readonly ReadPicture[]) {
  const kept = new Map<string, ReadPicture>()
  for (const one of read) {
    const before = kept.get(one.hash)
    if (!before || (typeof before.caption !== 'object' && typeof one.caption === 'object')) kept.set(one.hash, one)
  }
  const own = read.filter((one) => kept.get(one.hash) === one)
  const double = read.filter((one) => kept.get(one.hash) !== one)
  const named = (caption: ReadPicture['caption']) => own.flatMap((one) => (one.caption === caption ? [one.name] : []))
  return {
    pictures: own.map(({ caption, ...one }) => ({
      ...one,
      words: typeof caption === 'object' ? caption : nameWords(one.name),
    })),
    duplicates: double.map(({ name, hash }) => ({ name, of: kept.get(hash)!.name })),
    unnamed: named(undefined),
    emptyCaptions: named('empty'),
  }
}

/** Where the words of each picture are. */
interface Captions {
  /** Of a picture by its name; 'empty' where its file says nothing, undefined where there is none. */
  of(name: string): Promise<Words | 'empty' | undefined>
  readonly files: ReadonlySet<string> // names of all caption files
  readonly lone: readonly string[]
}

async function openCaptions(folder: string, files: readonly FolderFile[]): Promise<Captions> {
  const names = new Set(files.map(({ name }) => name))
  const stems = new Set(files.flatMap(({ name }) => (isPictureName(name) ? [withoutEnding(name)] : [])))
  const texts = [...names].filter((name) => captionEndings.some((ending) => name.endsWith(ending)))
  const listed = new Map<string, string>()
  const lists = [...names].filter((name) => name.split('/').at(-1) === metadataName)
  for (const list of lists) for (const [name, text] of await readMetadata(folder, list)) listed.set(name, text)
  return {
    async of(name) {
      const own = captionEndings.map((ending) => withoutEnding(name) + ending).find((file) => names.has(file))
      const text = own === undefined ? listed.get(name) : await readText(folder, own)
      return text === undefined ? undefined : (captionWords(text) ?? 'empty')
    },
    files: new Set([...texts, ...lists]),
    lone: texts.filter((name) => !stems.has(withoutEnding(name))),
  }
}

const withoutEnding = (name: string): string => name.replace(/\.[^./]*$/, '')

const metadataRow = z.looseObject({
  file_name: z.string(),
  text: z.string().optional(),
  caption: z.string().optional(),
  prompt: z.string().optional(),
})

/** Captions by name of the picture, from the folder; a row without words is passed over. */
async function readMetadata(folder: string, file: string): Promise<[name: string, text: string][]> {
  const inside = file.slice(0, -metadataName.length)
  const lines = (await readText(folder, file, 2 ** 28)).split('\n')
  return lines.flatMap((line, i): [string, string][] => {
    if (line.trim() === '') return []
    const { file_name: name, text, caption, prompt } = parseAs(`${file}:${i + 1}`, parsed(line), metadataRow)
    const words = text ?? caption ?? prompt
    return words === undefined ? [] : [[inside + name, words]]
  })
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

/** The text of a file; throws TubeletError('input') where it is not UTF-8. */
const readText = async (folder: string, name: string, limit = 2 ** 16): Promise<string> =>
  utf8Text(await readBytes(join(folder, name), { limit }), name)
