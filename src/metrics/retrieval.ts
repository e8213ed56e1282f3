import { dot, type Features, widthOf } from './features.ts'

/**
 * For each query, how many other candidates are at least as near (by dot product) as its own: query i belongs to candidate
 * `own[i]`, or i. 0 is the first place; a tie, or a feature that is not a number, never helps.
 */
export function ranks(queries: Features, candidates: Features, own?: ArrayLike<number>): Uint32Array {
  widthOf('retrieval', [...queries, ...candidates])
  return Uint32Array.from(queries, (query, i) => {
    const right = own ? own[i] : i
    const score = dot(query, candidates[right])
    let ahead = 0
    candidates.forEach((candidate, j) => {
      if (j !== right && !(dot(query, candidate) < score)) ahead++
    })
    return ahead
  })
}

/** For each query 1 where its own candidate is among the first k, else 0: their mean is recall@k (Radford et al. 2021, table 13). */
export const foundWithin = (places: Uint32Array, k: number): Uint8Array =>
  Uint8Array.from(places, (rank) => (rank < k ? 1 : 0))
