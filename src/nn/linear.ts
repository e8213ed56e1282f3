import { ShapeError, type Tensor } from '../graph/index.ts'
import { gemm, matmul, reshape } from '../ops/index.ts'
import { xavierUniform, zeros } from './init.ts'
import type { Init, Params } from './params.ts'

/** Settings of a linear layer. */
export interface LinearOptions {
  readonly bias?: boolean // whether one number is added to each output; true
  readonly init?: Init // of the weight
  readonly biasInit?: Init
}

/** Linear layer: x [..., D in] → [..., D out], y = x Wᵀ + b with W [D out, D in] as PyTorch keeps it. */
export function linear(p: Params, from: number, to: number, options: LinearOptions = {}) {
  const { bias = true, init = xavierUniform, biasInit = zeros } = options
  const weight = p.get('weight', [to, from], init)
  const b = bias ? p.get('bias', [to], biasInit) : undefined
  return p.scoped((x: Tensor): Tensor => {
    if (x.shape.at(-1) !== from)
      throw new ShapeError('linear', `the last axis of x must be the input width of ${p.path}`, { x, width: from })
    const rows = reshape(x, [-1, x.shape.at(-1)!])
    const y = b ? gemm(rows, weight, b, { transposeB: true }) : matmul(rows, weight, { transposeB: true })
    return reshape(y, [...x.shape.slice(0, -1), to])
  })
}
