import { TubeletError } from '../errors.ts'

/** How items of different lengths share rows. */
export interface PackOptions {
  readonly length: number // tokens of a row
  readonly window?: number // so many items are placed together; 64
  readonly open?: number // so many rows, those with most room, wait for the next window; 4
  /** Long items of a window are placed first; otherwise in the order of arrival. True. */
  readonly decreasing?: boolean
  readonly most?: number // items of a row
}

/**
 * Packs items into rows: each goes into the first open row that has room (Dehghani et al. 2023, appendix A.3: pack
 * greedily; first fit decreasing: Johnson 1974). Returns for each row the numbers of its items.
 */
export function pack(
  lengths: ArrayLike<number>,
  { length, window = 64, open: waiting = 4, decreasing = true, most = Number.POSITIVE_INFINITY }: PackOptions,
): number[][] {
  const rows: number[][] = []
  let open: { items: number[]; room: number }[] = []
  for (let from = 0; from < lengths.length; from += window) {
    const items = Array.from({ length: Math.min(window, lengths.length - from) }, (_, i) => from + i)
    const tooLong = items.find((i) => !(lengths[i] > 0 && lengths[i] <= length))
    if (tooLong !== undefined)
      throw new TubeletError(
        'usage',
        `pack: item ${tooLong} has ${lengths[tooLong]} tokens; it must have 1 to ${length}, the tokens of a row`,
      )
    if (decreasing) items.sort((a, b) => lengths[b] - lengths[a] || a - b)
    for (const i of items) {
      let row = open.find((one) => one.room >= lengths[i] && one.items.length < most)
      if (!row) {
        row = { items: [], room: length }
        open.push(row)
        rows.push(row.items)
      }
      row.items.push(i)
      row.room -= lengths[i]
    }
    open = open.sort((a, b) => b.room - a.room).slice(0, waiting)
  }
  return rows
}

/** The part of all tokens of the rows that items fill. */
export function filled(rows: readonly (readonly number[])[], lengths: ArrayLike<number>, length: number): number {
  const used = rows.flat().reduce((sum, i) => sum + lengths[i], 0)
  return used / (rows.length * length)
}
