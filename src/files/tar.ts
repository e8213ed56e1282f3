import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { extract, pack } from 'tar-stream'
import { TubeletError } from '../errors.ts'
import { fileError, writeFileAtomic } from './disk.ts'

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
  const hash = createHash('sha256')
  let bytes = 0
  async function* chunks() {
    const archive = pack()
    const filled = fill(archive, entries)
    // Whoever stops reading sees the archive's own error; this keeps Node from reporting it a second time.
    filled.catch(() => {})
    for await (const chunk of archive as AsyncIterable<Uint8Array>) {
      hash.update(chunk)
      bytes += chunk.length
      yield chunk
    }
    await filled
  }
  await writeFileAtomic(file, chunks())
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
    throw fileError(error, 'open', file)
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

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
