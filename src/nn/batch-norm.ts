import { size, type Tensor } from '../graph/index.ts'
import { add, batchNorm as byBatch, fixedBatchNorm, mul } from '../ops/index.ts'
import { filled, ones, zeros } from './init.ts'
import type { Params } from './params.ts'

/** Next values of arrays that are kept with the weights but not trained, by full name: a training step writes them back. */
export type Updates = Map<string, Tensor>

/** Settings of a batch normalisation. */
export interface BatchNormConfig {
  readonly eps?: number
  /** In training: the statistics are those of the batch, and the next running ones are added here. */
  readonly training?: Updates
  readonly gain?: number // before training; 1
  readonly momentum?: number // share of the batch in the next running statistics; 0.1, as in PyTorch
}

/** Batch normalisation with gain and bias (Ioffe & Szegedy 2015): x [B, C, ...] → [B, C, ...]. */
export function batchNorm(p: Params, channels: number, config: BatchNormConfig = {}) {
  const { eps = 1e-5, training, gain: first = 1, momentum = 0.1 } = config
  const gain = p.get('weight', [channels], filled(first))
  const bias = p.get('bias', [channels], zeros)
  const runningMean = p.buffer('running_mean', [channels], zeros)
  const runningVariance = p.buffer('running_var', [channels], ones)
  const batches = p.buffer('num_batches_tracked', [], zeros) // a count that PyTorch keeps beside them
  return p.scoped((x: Tensor): Tensor => {
    if (!training) return fixedBatchNorm(x, { gain, bias, mean: runningMean, variance: runningVariance, eps })
    const { y, mean, variance } = byBatch(x, { gain, bias, eps })
    const count = size(x.shape) / channels
    const follow = (running: Tensor, now: Tensor, scale = 1) =>
      add(mul(running, 1 - momentum), mul(now, momentum * scale))
    training.set(p.at('running_mean').path, follow(runningMean, mean))
    // Running statistics stand for all data, so their variance is the unbiased estimate.
    training.set(p.at('running_var').path, follow(runningVariance, variance, count / Math.max(count - 1, 1)))
    training.set(p.at('num_batches_tracked').path, add(batches, 1))
    return y
  })
}
