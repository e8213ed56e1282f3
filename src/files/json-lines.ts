import { type FileHandle, open, stat } from 'node:fs/promises'
import { fileError, readBytes } from './disk.ts'

/** A file that grows by one JSON object a line and survives a kill at any moment. */
export interface JsonLines {
  /** Adds a line; lines are written in the order of the calls. Throws TubeletError('input') when the disk is full. */
  append(row: object): Promise<void>
  /** Makes what was appended durable. */
  sync(): Promise<void>
  close(): Promise<void>
}

/** Opens a file for more lines. What a kill left of a last line goes, and so do rows from the first that is not to `keep`. */
export async function openJsonLines(path: string, keep: (row: object) => boolean = () => true): Promise<JsonLines> {
  let file: FileHandle
  let length: number
  try {
    file = await open(path, 'a+')
  } catch (error) {
    throw fileError(error, 'write', path)
  }
  try {
    // A pipe or a device has no rows to keep, and no end to read to.
    const bytes = (await file.stat()).isFile() ? await readBytes(path) : new Uint8Array()
    length = keptLength(bytes, keep)
    if (length < bytes.length) await file.truncate(length)
  } catch (error) {
    await file.close()
    throw fileError(error, 'write', path)
  }
  const write = async (line: Buffer) => {
    try {
      for (let done = 0; done < line.length; ) done += (await file.write(line, done)).bytesWritten
      length += line.length
    } catch (error) {
      await file.truncate(length).catch(() => {}) // half a line would spoil the next one
      throw fileError(error, 'write', path)
    }
  }
  let last: Promise<void> = Promise.resolve()
  return {
    append(row) {
      const line = Buffer.from(`${JSON.stringify(row)}\n`)
      last = last.catch(() => {}).then(() => write(line))
      return last
    },
    async sync() {
      await last
      await file.datasync()
    },
    async close() {
      await last.catch(() => {})
      await file.close()
    },
  }
}

/** All rows of a file; a last line that was cut short is no row, and a missing file has none. */
export async function readJsonLines(path: string): Promise<object[]> {
  const isThere = await stat(path).catch(() => undefined)
  return isThere ? [...rowsOf(await readBytes(path))].map(({ row }) => row) : []
}

/** Rows with the position behind each one; a line that is cut short or is no object is passed over. */
function* rowsOf(bytes: Uint8Array): Generator<{ row: object; end: number }> {
  for (let start = 0; start < bytes.length; ) {
    const newline = bytes.indexOf(10, start)
    if (newline < 0) return
    const row = parse(decoder.decode(bytes.subarray(start, newline)))
    start = newline + 1
    if (row) yield { row, end: start }
  }
}

const decoder = new TextDecoder()

function parse(text: string): object | undefined {
  try {
    const row: unknown = JSON.parse(text)
    return typeof row === 'object' && row !== null ? row : undefined
  } catch {
    return
  }
}

function keptLength(bytes: Uint8Array, keep: (row: object) => boolean): number {
  let length = 0
  for (const { row, end } of rowsOf(bytes)) {
    if (!keep(row)) break
    length = end
  }
  return length
}
