import { TubeletError } from '../errors.ts'

/** Features of samples, one row of d numbers for each. */
export type Features = readonly ArrayLike<number>[]

/** d, the same for every row; throws TubeletError('usage') where it is not, or where there is no row. */
export function widthOf(what: string, rows: Features): number {
  const d = rows[0]?.length ?? 0
  const other = rows.find((row) => row.length !== d)
  if (d === 0 || other)
    throw new TubeletError(
      'usage',
      `${what}: every sample must have as many features as the first (got ${d} and ${other?.length ?? 0})`,
    )
  return d
}

/** The number of rows, which must be the same on both sides, as row i of both belongs together. */
export function pairsOf(what: string, a: Features, b: Features): number {
  if (a.length !== b.length)
    throw new TubeletError('usage', `${what}: both sides must have as many samples (got ${a.length} and ${b.length})`)
  return a.length
}

/** The rows at some indices. */
export const rowsAt = (rows: Features, indices: Uint32Array): Features => Array.from(indices, (i) => rows[i])

/** Σ aᵢ bᵢ */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i]
  return sum
}
