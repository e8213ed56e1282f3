import { z } from 'zod'
import { TubeletError } from '../errors.ts'
import { checkTerminal, predictionConfig, split } from './prediction.ts'
import { alphaBars, scheduleConfig, spacedTimesteps } from './schedule.ts'
import type { Scheduler, StepInput } from './step.ts'

/** A denoising diffusion model's process, under the names of diffusers' DDPMScheduler. */
export const ddpmConfig = z.object({
  ...scheduleConfig.shape,
  ...predictionConfig.shape,
  /** σ²: β̃ ('small'), β ('large'), or predicted: as it is ('learned') or between the two ('learned_range'). */
  variance_type: z
    .enum(['fixed_small', 'fixed_small_log', 'fixed_large', 'fixed_large_log', 'learned', 'learned_range'])
    .default('fixed_small'),
})
/** Settings of a denoising diffusion model. */
export type DDPMConfig = z.infer<typeof ddpmConfig>

/** The forward process in one go (Ho et al. 2020, equation 4): xt = √ᾱ x0 + √(1 - ᾱ) ε, one ᾱ for each sample. */
export function diffuse(x0: Float32Array, eps: Float32Array, alphaBar: ArrayLike<number>): Float32Array {
  const count = x0.length / alphaBar.length
  const xt = new Float32Array(x0.length)
  for (let b = 0; b < alphaBar.length; b++) {
    const [a, s] = [Math.sqrt(alphaBar[b]), Math.sqrt(1 - alphaBar[b])]
    for (let i = b * count; i < (b + 1) * count; i++) xt[i] = a * x0[i] + s * eps[i]
  }
  return xt
}

/** The distribution of the earlier x given xt and x0 (Ho et al. 2020, equations 6 and 7): mean = x0 · fromX0 + xt · fromXt. */
export interface Posterior {
  readonly fromX0: number
  readonly fromXt: number
  /** β̃, the variance. */
  readonly variance: number
  /** β of the step, from ᾱ to `previous`. */
  readonly beta: number
}

/** The posterior between two steps of ᾱ; steps may be left out between them. */
export function posterior(alphaBar: number, previous: number): Posterior {
  const alpha = alphaBar / previous
  const beta = 1 - alpha
  return {
    fromX0: (Math.sqrt(previous) * beta) / (1 - alphaBar),
    fromXt: (Math.sqrt(alpha) * (1 - previous)) / (1 - alphaBar),
    variance: ((1 - previous) / (1 - alphaBar)) * beta,
    beta,
  }
}

/** Ancestral sampling (Ho et al. 2020, algorithm 2) over a subset of the training steps. */
export function ddpm(config: DDPMConfig, steps: number): Scheduler {
  const bars = alphaBars(config)
  const timesteps = spacedTimesteps(config, steps)
  checkTerminal(bars[timesteps[0]], config)
  const learned = config.variance_type === 'learned' || config.variance_type === 'learned_range'
  const drawsNoise = (index: number) => timesteps[index] > 0

  return {
    timesteps,
    initNoiseSigma: 1,
    drawsNoise,
    step({ prediction, x, index, noise, batch = 1 }) {
      const alphaBar = bars[timesteps[index]]
      const q = posterior(alphaBar, index + 1 < steps ? bars[timesteps[index + 1]] : 1)
      const { mean, variances } = learned ? unmix(prediction, x, batch) : { mean: prediction, variances: undefined }
      const { x0 } = split(mean, x, { alphaBar, batch, config })
      const next = new Float32Array(x.length)
      for (let i = 0; i < x.length; i++) next[i] = q.fromX0 * x0[i] + q.fromXt * x[i]
      if (drawsNoise(index)) addNoise(next, needed(noise, index), deviation(q, config, variances))
      return next
    },
  }
}

/** σ of element i. */
function deviation(q: Posterior, { variance_type: kind }: DDPMConfig, variances?: Float32Array): (i: number) => number {
  const small = Math.max(q.variance, 1e-20)
  if (kind === 'learned') return (i) => Math.sqrt(variances![i])
  if (kind === 'learned_range') {
    // Nichol & Dhariwal 2021, equation 15; the network gives -1 for β̃ and 1 for β.
    const [low, high] = [Math.log(small), Math.log(q.beta)]
    return (i) => Math.exp(0.5 * (low + ((variances![i] + 1) / 2) * (high - low)))
  }
  const fixed = Math.sqrt(kind.startsWith('fixed_large') ? q.beta : small)
  return () => fixed
}

function addNoise(x: Float32Array, noise: Float32Array, sigma: (i: number) => number): void {
  for (let i = 0; i < x.length; i++) x[i] += sigma(i) * noise[i]
}

/** The noise of a step, which its caller must have drawn. */
export function needed(noise: StepInput['noise'], index: number): Float32Array {
  if (!noise) throw new TubeletError('usage', `scheduler: step ${index} needs noise`)
  return noise
}

/** Parts [B, 2C, ...] into what is predicted and its variance, each [B, C, ...]. */
export function unmix(prediction: Float32Array, x: Float32Array, batch: number) {
  if (prediction.length !== 2 * x.length)
    throw new TubeletError(
      'input',
      'scheduler: this variance_type needs a network with twice the channels of its input',
    )
  const count = x.length / batch
  const mean = new Float32Array(x.length)
  const variances = new Float32Array(x.length)
  for (let b = 0; b < batch; b++) {
    const at = 2 * b * count
    mean.set(prediction.subarray(at, at + count), b * count)
    variances.set(prediction.subarray(at + count, at + 2 * count), b * count)
  }
  return { mean, variances }
}
