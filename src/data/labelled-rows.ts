import { type Planes, packPatches } from './pack-patches.ts'

/** A picture of any size with its class, and the tokens of it that stay; all where absent. */
export interface LabelledPlanes {
  readonly planes: Planes
  readonly kept?: ArrayLike<number>
  readonly label: number
}

/** How pictures lie in rows. */
export interface LabelledRowsOptions {
  readonly patchSize: number
  readonly channels: number
  readonly length: number // N, tokens of a row
  readonly slots: number // pictures of a row, at most
}

/**
 * Groups of pictures, each a row, under the names that `navitInputs` has, and the class of each slot [R · slots]; −100
 * where there is no picture.
 */
export function labelledRows(
  groups: readonly (readonly LabelledPlanes[])[],
  { patchSize, channels, length, slots }: LabelledRowsOptions,
) {
  const flat = groups.flat()
  let next = 0
  const placed = groups.map((group) => group.map(() => next++))
  const all = (tokens: number) => Int32Array.from({ length: tokens }, (_, n) => n)
  const { patches, rows, columns, down, across, sample } = packPatches(
    flat.map(({ planes }) => planes),
    { patch: [1, patchSize, patchSize], channels, length, placed, keep: (i, tokens) => flat[i].kept ?? all(tokens) },
  )
  const labels = Int32Array.from(
    groups.flatMap((group) => Array.from({ length: slots }, (_, s) => group[s]?.label ?? -100)),
  )
  return { patches, rows, columns, down, across, sample, labels }
}
