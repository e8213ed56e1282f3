import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, rename, rm, stat } from 'node:fs/promises'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { extract, pack } from 'tar-stream'
import { TubeletError } from '../errors.ts'

/** A member of an archive, whole in memory. */
export interface TarEntry {
  name: string
  bytes: Uint8Array
}

/** What an archive may claim before it is refused. */
export interface TarLimits {
  /** Most bytes of one member; default 64 MiB. */
  maxEntryBytes?: number
  /** Most members; default one million. */
  maxEntries?: number
}

/** What was written. */
export interface WrittenTar {
  bytes: number
  /** SHA-256 of the file in hex. */
  sha256: string
}

/**
 * Streams the members of a tar file, one at a time in memory.
 * Throws TubeletError('input') when the archive is cut short, damaged, holds a link, or claims more than the limits.
 */
export async function* readTar(file: string, limits: TarLimits = {}): AsyncGenerator<TarEntry> {
  const { maxEntryBytes = 2 ** 26, maxEntries = 1_000_000 } = limits
  const size = await checkEnd(file)
  const archive = extract()
  const source = createReadStream(file)
  source.on('error', (error) => archive.destroy(error))
  source.pipe(archive)
  let count = 0
  try {
    for await (const entry of archive) {
      const { name, type, size: bytes = 0 } = entry.header
      const refuse = (why: string) => new TubeletError('input', `${file}: member ${JSON.stringify(name)} ${why}`)
      if (++count > maxEntries) throw refuse(`is one more than the ${maxEntries} members that are read`)
      if (bytes > size) throw refuse(`claims ${bytes} bytes, the archive has ${size}`)
      if (bytes > maxEntryBytes) throw refuse(`has ${bytes} bytes, the most that is read is ${maxEntryBytes}`)
      if (type === 'directory') {
        entry.resume()
        continue
      }
      if (type !== 'file' && type !== 'contiguous-file') throw refuse(`is a ${type}; only plain files are read`)
      const chunks: Uint8Array[] = []
      for await (const chunk of entry as AsyncIterable<Uint8Array>) chunks.push(chunk)
      yield { name, bytes: Buffer.concat(chunks) }
    }
  } catch (error) {
    if (error instanceof TubeletError) throw error
    throw new TubeletError('input', `${file}: a damaged tar archive (${reason(error)})`, { cause: error })
  } finally {
    source.destroy()
    archive.destroy()
  }
}

/**
 * Writes members to a tar file that is complete or absent: written aside, flushed to the disk, renamed.
 * Times and owners are left out, so that equal members give equal bytes.
 */
export async function writeTar(
  file: string,
  entries: Iterable<TarEntry> | AsyncIterable<TarEntry>,
): Promise<WrittenTar> {
  const part = `${file}.${process.pid}.part`
  const hash = createHash('sha256')
  let bytes = 0
  const count = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      hash.update(chunk)
      bytes += chunk.length
      done(null, chunk)
    },
  })
  try {
    const handle = await open(part, 'w')
    try {
      const archive = pack()
      const written = pipeline(archive, count, handle.createWriteStream({ autoClose: false }))
      await Promise.all([written, fill(archive, entries)])
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(part, file)
  } catch (error) {
    await rm(part, { force: true })
    throw writeError(file, error)
  }
  return { bytes, sha256: hash.digest('hex') }
}

async function fill(archive: ReturnType<typeof pack>, entries: Iterable<TarEntry> | AsyncIterable<TarEntry>) {
  try {
    for await (const { name, bytes } of entries) {
      await new Promise<void>((resolve, reject) => {
        const header = { name, size: bytes.length, mtime: new Date(0), mode: 0o644 }
        archive.entry(header, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), (error) =>
          error ? reject(error) : resolve(),
        )
      })
    }
    archive.finalize()
  } catch (error) {
    archive.destroy(error instanceof Error ? error : new Error(String(error)))
    throw error
  }
}

/** The size of a tar file, once it is known to end in the two zero blocks that close every archive. */
async function checkEnd(file: string): Promise<number> {
  const handle = await open(file, 'r').catch((error: unknown) => {
    throw new TubeletError('input', `${file}: cannot be opened (${reason(error)})`, { cause: error })
  })
  try {
    const { size } = await handle.stat()
    const end = new Uint8Array(1024)
    if (size >= 1024) await handle.read(end, 0, 1024, size - 1024)
    if (size < 1024 || size % 512 !== 0 || end.some((byte) => byte !== 0)) {
      throw new TubeletError(
        'input',
        `${file}: not a whole tar archive; it is cut short or something else (${size} bytes)`,
      )
    }
    return size
  } finally {
    await handle.close()
  }
}

/** The size in bytes of a file, or -1 where there is none. */
export async function fileBytes(file: string): Promise<number> {
  return stat(file).then(
    ({ size }) => size,
    () => -1,
  )
}

function writeError(file: string, error: unknown): unknown {
  if (!(error instanceof Error && 'code' in error)) return error
  if (error.code === 'ENOSPC') return new TubeletError('input', `${file}: no space left on the disk`, { cause: error })
  if (error.code === 'EACCES' || error.code === 'ENOENT' || error.code === 'EROFS') {
    return new TubeletError('input', `${file}: cannot be written (${error.message})`, { cause: error })
  }
  return error
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
