import { join } from 'node:path'
import { TubeletError } from '../errors.ts'
import { findFiles, noneReadable, picturesOf } from '../files/picture-file.ts'
import { readVectors, type VectorEntry, type Vectors } from '../files/vector-file.ts'

/** Name of the index that is kept in a folder of pictures. */
export const indexName = 'tubelet-index.safetensors'

/** What a folder's pictures are looked up with. */
export interface PictureIndexOptions {
  /** The vector [P] of a picture at a path. */
  readonly embed: (path: string) => Promise<Float32Array>
  readonly modelHash: string
  /** The index that was kept: what has the same model, name, size and time in it is not computed again. */
  readonly known?: Vectors
  readonly onProgress?: (done: number, total: number) => void
}

/** The pictures of a folder as vectors. */
export interface PictureIndex {
  readonly entries: readonly VectorEntry[]
  readonly rows: readonly Float32Array[]
  readonly computed: number // of the rows; the others were known
  /** Pictures that could not be read, and why. */
  readonly skipped: readonly { readonly name: string; readonly reason: string }[]
}

/**
 * The vectors of all pictures of a folder and the folders in it. One that is damaged is left out and told. Throws
 * TubeletError('input') where there is no picture that can be read.
 */
export async function pictureIndex(folder: string, options: PictureIndexOptions): Promise<PictureIndex> {
  const { embed, modelHash, known, onProgress } = options
  const files = picturesOf(await findFiles(folder), folder)
  const usable = known?.modelHash === modelHash ? known : undefined
  const places = new Map(usable?.entries.map((entry, i) => [entry.name, i]))
  const [entries, rows, skipped]: [VectorEntry[], Float32Array[], { name: string; reason: string }[]] = [[], [], []]
  let computed = 0
  for (const [i, file] of files.entries()) {
    const place = places.get(file.name)
    const before = place === undefined ? undefined : usable?.entries[place]
    const same = before?.size === file.size && before.mtimeMs === file.mtimeMs
    try {
      const row = same ? usable?.rows[place!] : undefined
      if (!row) computed++
      rows.push(row ?? (await embed(join(folder, file.name))))
      entries.push({ ...file, kind: 'image' })
    } catch (error) {
      if (!(error instanceof TubeletError) || error.code !== 'input') throw error
      computed--
      skipped.push({ name: file.name, reason: error.message })
    }
    onProgress?.(i + 1, files.length)
  }
  if (rows.length === 0) throw noneReadable(folder, skipped[0].reason)
  return { entries, rows, computed, skipped }
}

/** The index at a path, or undefined where there is none or it is damaged: then it is built again. */
export const knownIndex = (path: string): Promise<Vectors | undefined> => readVectors(path).catch(() => undefined)
