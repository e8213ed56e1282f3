import { z } from 'zod'
import { TubeletError } from '../errors.ts'
import { readSafetensors, writeSafetensors } from './checkpoint.ts'

const entrySchema = z.object({
  /** A text itself, or a picture's path from `folder`. */
  name: z.string(),
  kind: z.enum(['image', 'text']),
  size: z.number().optional(), // bytes of the picture's file
  mtimeMs: z.number().optional(),
})

/** What one vector was made of. */
export type VectorEntry = z.infer<typeof entrySchema>

/** Vectors, what they were made of, and by which model. */
export interface Vectors {
  readonly modelHash: string
  /** Where the paths of pictures begin, from the folder of the file. */
  readonly folder: string
  readonly entries: readonly VectorEntry[]
  readonly rows: readonly Float32Array[] // [P] each
}

/** Writes vectors as one tensor `vectors` [N, P]; the rest stands in the metadata, `entries` as JSON. */
export async function writeVectors(path: string, { modelHash, folder, entries, rows }: Vectors): Promise<void> {
  const metadata = { model_hash: modelHash, folder, entries: JSON.stringify(entries) }
  await writeSafetensors(path, { vectors: matrixOf(rows) }, { metadata })
}

/** Reads what `writeVectors` wrote; throws TubeletError('input') where the file is damaged or holds something else. */
export async function readVectors(path: string): Promise<Vectors> {
  const { arrays, metadata } = await readSafetensors(path)
  const { vectors } = arrays
  const entries = parseEntries(metadata.entries)
  const [count, width] = vectors?.shape ?? []
  if (!(vectors?.data instanceof Float32Array) || entries?.length !== count || !metadata.model_hash)
    throw new TubeletError('input', `${path}: holds no vectors that tubelet wrote`)
  const rows = rowsOf(vectors.data, [count, width])
  return { modelHash: metadata.model_hash, folder: metadata.folder ?? '', entries, rows }
}

/** Rows [P] of one width, one after another: [N, P]. */
export function matrixOf(rows: readonly Float32Array[]): { data: Float32Array; shape: [count: number, width: number] } {
  const width = rows[0]?.length ?? 0
  const data = new Float32Array(rows.length * width)
  for (const [i, row] of rows.entries()) data.set(row, i * width)
  return { data, shape: [rows.length, width] }
}

/** The opposite: each row of [N, P] on its own. */
export const rowsOf = (data: Float32Array, [count, width]: readonly number[]): Float32Array[] =>
  Array.from({ length: count }, (_, i) => data.slice(i * width, (i + 1) * width))

function parseEntries(text = ''): VectorEntry[] | undefined {
  try {
    return z.array(entrySchema).parse(JSON.parse(text))
  } catch {
    return undefined
  }
}
