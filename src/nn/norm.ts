import type { Tensor } from '../graph/index.ts'
import { groupNorm as group, layerNorm as layer, rmsNorm as rms } from '../ops/index.ts'
import { ones, zeros } from './init.ts'
import type { Params } from './params.ts'

/** Layer normalisation with gain and bias (Ba et al. 2016): x [..., D] → [..., D]. */
export function layerNorm(p: Params, width: number, { eps = 1e-5, bias = true } = {}) {
  const gain = p.get('weight', [width], ones)
  const shift = bias ? p.get('bias', [width], zeros) : undefined
  return p.scoped((x: Tensor): Tensor => layer(x, { gain, bias: shift, eps }))
}

/** Root-mean-square normalisation with gain (Zhang & Sennrich 2019): x [..., D] → [..., D]. */
export function rmsNorm(p: Params, width: number, { eps = 1e-6 } = {}) {
  const gain = p.get('weight', [width], ones)
  return p.scoped((x: Tensor): Tensor => rms(x, { gain, eps }))
}

/** Group normalisation with gain and bias (Wu & He 2018): x [B, C, ...] → [B, C, ...]. */
export function groupNorm(p: Params, channels: number, { groups = 32, eps = 1e-5 } = {}) {
  const gain = p.get('weight', [channels], ones)
  const bias = p.get('bias', [channels], zeros)
  return p.scoped((x: Tensor): Tensor => group(x, groups, { gain, bias, eps }))
}
