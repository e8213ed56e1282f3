import { randomBytes } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { TubeletError } from '../errors.ts'

/** What a file may be written from; chunks are written one after another. */
export type FileContent = string | Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>

const reasons: Record<string, string> = {
  ENOENT: 'no such file or folder',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  EISDIR: 'it is a folder, not a file',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EEXIST: 'it exists already',
  EMFILE: 'too many open files',
  ENAMETOOLONG: 'the name is too long',
  ENOSPC: 'disk full: free some space or choose another folder',
  EDQUOT: 'disk full: the quota is used up',
  EFBIG: 'the file is too large for this file system',
  EIO: 'the disk reports a read or write error',
}

/**
 * The failure of a file operation as a TubeletError('input') of one sentence; anything but an operating system's error
 * comes back as it is.
 */
export function fileError(error: unknown, action: string, path: string): unknown {
  if (error instanceof TubeletError || !(error instanceof Error) || !('code' in error)) return error
  const code = String(error.code)
  const reason = reasons[code] ?? `${error.message} (${code})`
  return new TubeletError('input', `cannot ${action} ${path}: ${reason}`, { cause: error })
}

/** Whether there is a file or folder of a name. */
export const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

/** Reads a whole file of at most `limit` bytes (default 1 GiB). */
export async function readBytes(path: string, { limit = 2 ** 30 } = {}): Promise<Uint8Array> {
  try {
    await using file = await open(path)
    const { size } = await file.stat()
    if (size > limit) throw new TubeletError('input', `${path}: ${size} bytes, more than the ${limit} expected here`)
    return await file.readFile()
  } catch (error) {
    throw fileError(error, 'read', path)
  }
}

const stringOrInfinity = /"(?:[^"\\]|\\.)*"|\bInfinity\b/g
const inJson = (found: string): string => (found === 'Infinity' ? '1e999' : found)

/** Reads a JSON file, also with the `Infinity` that Python writes into some; the caller checks what it holds. */
export async function readJson(path: string): Promise<unknown> {
  const text = new TextDecoder().decode(await readBytes(path, { limit: 2 ** 28 }))
  try {
    return JSON.parse(text.includes('Infinity') ? text.replace(stringOrInfinity, inJson) : text)
  } catch (error) {
    throw new TubeletError('input', `${path}: not valid JSON: ${(error as Error).message}`, { cause: error })
  }
}

/**
 * Writes a file so that at any moment, also after a power cut, its name shows the whole old content or the whole new
 * one. Missing folders are made. Throws TubeletError('input') when the disk is full or the place not writable.
 */
export async function writeFileAtomic(path: string, content: FileContent): Promise<void> {
  await aside(path, async (part) => {
    const file = await open(part, 'wx')
    try {
      for await (const chunk of chunksOf(content)) await writeAll(file, chunk)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(part, path)
  })
}

/**
 * Lets `fill` write files into a fresh folder, then gives it its name: the folder is complete or absent. A folder that
 * already has the name is replaced; should the machine stop just then, it is found beside, as `.NAME.….part`.
 */
export async function writeFolderAtomic(path: string, fill: (folder: string) => Promise<void>): Promise<void> {
  await aside(path, async (part) => {
    await mkdir(part)
    await fill(part)
    await syncTree(part)
    await replaceFolder(part, path)
  })
}

/** Gives a folder the name `path`; one that already has the name is moved aside, and removed then. */
export async function replaceFolder(folder: string, path: string): Promise<void> {
  const old = partName(path)
  const replaced = await rename(path, old).then(
    () => true,
    (error) => {
      if (error.code === 'ENOENT') return false
      throw error
    },
  )
  try {
    await rename(folder, path)
  } catch (error) {
    if (replaced) await rename(old, path)
    throw error
  }
  if (replaced) await rm(old, { recursive: true, force: true })
}

/** Runs `write` with a name beside `path`, removes what is left of it after a failure, and makes the result durable. */
async function aside(path: string, write: (part: string) => Promise<void>): Promise<void> {
  const folder = dirname(resolve(path))
  const part = partName(path)
  try {
    await mkdir(folder, { recursive: true })
    await removeLeftovers(path)
    await write(part)
    await syncFolder(folder)
  } catch (error) {
    await rm(part, { recursive: true, force: true }).catch(() => {})
    throw fileError(error, 'write', path)
  }
}

/** A name beside `path` that nothing else has, and that tells which process gave it. */
export const partName = (path: string) =>
  join(dirname(resolve(path)), `.${basename(path)}.${process.pid}-${randomBytes(4).toString('hex')}.part`)

/** Removes what killed processes left beside `path`, unless it is all that remains of it. */
async function removeLeftovers(path: string): Promise<void> {
  const folder = dirname(resolve(path))
  const names = await readdir(folder)
  if (!names.includes(basename(path))) return
  for (const name of names) {
    if (!name.startsWith(`.${basename(path)}.`) || !name.endsWith('.part')) continue
    const pid = /^(\d+)-[0-9a-f]{8}\.part$/.exec(name.slice(basename(path).length + 2))?.[1]
    if (pid !== undefined && !isAlive(Number(pid))) await rm(join(folder, name), { recursive: true, force: true })
  }
}

/** Whether a process of this machine runs. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

async function* chunksOf(content: FileContent): AsyncGenerator<Uint8Array> {
  if (typeof content === 'string') yield new TextEncoder().encode(content)
  else if (content instanceof Uint8Array) yield content
  else yield* content
}

async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let done = 0; done < chunk.byteLength; ) {
    const { bytesWritten } = await file.write(chunk, done)
    done += bytesWritten
  }
}

async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) await syncTree(path)
    else await syncFolder(path)
  }
  await syncFolder(folder)
}

async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return // cannot open a folder there
  const file = await open(path)
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}
