import { constant, ShapeError, type Tensor } from '../graph/index.ts'
import { add, batchedMatmul, mean, mul, reshape, slice } from '../ops/index.ts'

/**
 * Attention rollout (Abnar & Zuidema 2020, arXiv:2005.00928, section 3): how much of each token of the input is in each
 * state after the last block. Weights of each block [B, h, N, N], the first block first → [B, N, N], whose rows sum to 1.
 *
 * Heads are averaged; as each block adds what it reads to what there was, half of a token stays its own (equation 1).
 */
export function attentionRollout(attention: readonly Tensor[]): Tensor {
  if (attention.length === 0) throw new ShapeError('attentionRollout', 'there must be weights', { blocks: 0 })
  const [, , N, M] = attention[0].shape
  if (N !== M) throw new ShapeError('attentionRollout', 'weights must be [B, h, N, N]', { weights: attention[0] })
  const own = constant(
    Float32Array.from({ length: N * N }, (_, i) => (i % (N + 1) === 0 ? 0.5 : 0)),
    [1, N, N],
  )
  const flows = attention.map((weights) => add(mul(mean(weights, 1), 0.5), own)) // [B, N, N]
  return flows.reduce((before, flow) => batchedMatmul(flow, before))
}

/** What the class token reads of each patch: a rollout or attention weights [B, 1 + h·w, 1 + h·w] → [B, h, w]. */
export function classTokenMap(rollout: Tensor, grid: readonly [height: number, width: number]): Tensor {
  const [B, N] = rollout.shape
  const [height, width] = grid
  if (N !== 1 + height * width)
    throw new ShapeError('classTokenMap', 'there must be a class token and a token for each place of the grid', {
      rollout,
      grid,
    })
  return reshape(slice(slice(rollout, 1, 0, 1), 2, 1, N), [B, height, width])
}
