import type { Tensor } from '../graph/index.ts'
import { gather } from '../ops/index.ts'
import { normal } from './init.ts'
import type { Init, Params } from './params.ts'

/** Settings of a table. */
export interface EmbeddingOptions {
  readonly init?: Init // normal with standard deviation 0.02 where absent
}

/** A table of `rows` vectors of `width` numbers, looked up by number: int32 [...] → [..., D]. */
export function embedding(p: Params, rows: number, width: number, { init = normal(0.02) }: EmbeddingOptions = {}) {
  const table = p.get('weight', [rows, width], init)
  return p.scoped((ids: Tensor): Tensor => gather(table, ids))
}
