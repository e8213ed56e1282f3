import type { Tensor } from '../graph/index.ts'
import { add, clip, equal, mean, mul, reshape, sub, where } from '../ops/index.ts'
import type { DDPMConfig } from './ddpm.ts'
import { type BoundStep, cleanOf, type DDPMInputs, stepBits, told } from './ddpm-loss.ts'
import { checkTerminal } from './prediction.ts'
import { alphaBars } from './schedule.ts'

/**
 * Bits per dimension of one step of the variational bound, one number for each sample [B] (Ho et al. 2020, equation 5;
 * Nichol & Dhariwal 2021, section 2.1), under the variance that the config names: at t > 0 the divergence of the
 * network's step back from the true one given x0, at t = 0 the surprise at x0. Summed over all t and added to
 * `priorBits` it is an upper bound of the mean of −log₂ p(x0). For pictures of 256 levels in [−1, 1] the decoder is
 * 'bins' (equation 13); for data that is continuous, 'density'.
 */
export function boundBits(
  predict: (xt: Tensor, t: Tensor) => Tensor,
  { x0, eps, t }: DDPMInputs,
  { config, decoder }: { config: DDPMConfig } & Required<Pick<BoundStep, 'decoder'>>,
): Tensor {
  const { bars, a, s, xt, guess, range } = told(predict, { x0, eps, t }, { config, where: 'boundBits' })
  checkTerminal(bars[bars.length - 1], config)
  const believed = cleanOf(guess, xt, { a, s, kind: config.prediction_type })
  const { clip_sample_range: most } = config
  const clean = config.clip_sample ? clip(believed, -most, most) : believed
  const bits = stepBits({ x0, xt, clean, range: range ?? fixedRange(t, x0, config), t, decoder }, bars)
  return mean(reshape(bits, [x0.shape[0], -1]), 1)
}

/** −1 for β̃ and 1 for β; at the first step, where β̃ is 0, that of the second for both (Ho et al. 2020's code). */
function fixedRange(t: Tensor, x: Tensor, { variance_type: kind }: DDPMConfig): Tensor {
  const zeros = mul(x, 0)
  if (!kind.startsWith('fixed_large')) return sub(zeros, 1)
  const first = reshape(equal(t, 0), [t.shape[0], ...x.shape.slice(1).map(() => 1)])
  return where(first, sub(zeros, 1), add(zeros, 1))
}

/** Bits per dimension that the last xt still tells of each x0 [B, ...]: its divergence from pure noise (equation 5, L_T). */
export function priorBits(x0: Float32Array, config: DDPMConfig, batch: number): Float64Array {
  const bar = alphaBars(config).at(-1)!
  const size = x0.length / batch
  return Float64Array.from({ length: batch }, (_, b) => {
    let sum = 0
    for (const x of x0.subarray(b * size, (b + 1) * size)) sum += bar * x * x - bar - Math.log(1 - bar)
    return sum / (2 * size * Math.LN2)
  })
}
