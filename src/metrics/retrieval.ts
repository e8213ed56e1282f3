import { dot, type Features, widthOf } from './features.ts'

/** Whether another candidate competes with the right one; one that is as right does not. */
export type Rivals = (right: number, other: number) => boolean

/**
 * For each query i, which belongs to candidate `own[i]`, how many of its rivals have a score that is at least as high.
 * 0 is the first place; a tie, or a score that is not a number, never helps.
 */
export const ranksBy = (
  own: ArrayLike<number>,
  candidates: number,
  score: (query: number, candidate: number) => number,
  rivals: Rivals = () => true,
): Uint32Array =>
  Uint32Array.from(own, (right, i) => {
    const best = score(i, right)
    let ahead = 0
    for (let j = 0; j < candidates; j++) if (j !== right && rivals(right, j) && !(score(i, j) < best)) ahead++
    return ahead
  })

/** Ranks by dot product; query i belongs to candidate `own[i]`, or i. */
export function ranks(queries: Features, candidates: Features, own?: ArrayLike<number>, rivals?: Rivals): Uint32Array {
  widthOf('retrieval', [...queries, ...candidates])
  const right = own ?? Uint32Array.from(queries, (_, i) => i)
  return ranksBy(right, candidates.length, (i, j) => dot(queries[i], candidates[j]), rivals)
}

/** For each query 1 where its own candidate is among the first k, else 0: their mean is recall@k (Radford et al. 2021, table 13). */
export const foundWithin = (places: Uint32Array, k: number): Uint8Array =>
  Uint8Array.from(places, (rank) => (rank < k ? 1 : 0))
