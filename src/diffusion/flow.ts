import { z } from 'zod'
import { TubeletError } from '../errors.ts'
import { needed } from './ddpm.ts'
import { checkSize } from './prediction.ts'
import type { Scheduler } from './step.ts'

// Rectified flow (Liu et al. 2023; Esser et al. 2024): data and noise are joined by a straight line,
// xt = (1 - t) x0 + t ε with t from 0 (data) to 1 (noise), and the network predicts its direction v = ε - x0.

/** Settings under the names of diffusers' FlowMatchEulerDiscreteScheduler. */
export const flowConfig = z.object({
  /** The network is told t times this number. */
  num_train_timesteps: z.int().min(1).max(100_000).default(1000),
  /** More than 1 spends more steps near the noise (Esser et al. 2024, equation 23). */
  shift: z.number().positive().default(1),
  /** The shift depends on the size of the sample and is given with `mu`. */
  use_dynamic_shifting: z.boolean().default(false),
  time_shift_type: z.enum(['exponential', 'linear']).default('exponential'),
  /** Stretches the times so that the last one is this instead. */
  shift_terminal: z.number().gt(0).lt(1).nullish(),
  use_karras_sigmas: z.boolean().nullish(),
  use_exponential_sigmas: z.boolean().nullish(),
  use_beta_sigmas: z.literal(false, 'is not supported').nullish(),
  invert_sigmas: z.boolean().default(false),
  /** Each step goes to x0 and back with fresh noise. */
  stochastic_sampling: z.boolean().default(false),
})
export type FlowConfig = z.infer<typeof flowConfig>

/** t' = s t / (1 + (s - 1) t) (Esser et al. 2024, equation 23): the same signal-to-noise ratio at another size. */
export const shiftTime = (t: number, shift: number): number => (shift * t) / (1 + (shift - 1) * t)

/**
 * The shift for samples of so many times as many tokens: more of them tell through more noise what is there, by the square
 * root of their number (Esser et al. 2024, equation 23).
 */
export const scaledShift = (shift: number, times: number): number => shift * Math.sqrt(times)

/** xt = (1 - t) x0 + t ε, with one t for each sample: x0, ε [B, ...], t [B] → [B, ...]. */
export function interpolate(x0: Float32Array, eps: Float32Array, t: ArrayLike<number>): Float32Array {
  const count = x0.length / t.length
  const xt = new Float32Array(x0.length)
  for (let b = 0; b < t.length; b++)
    for (let i = b * count; i < (b + 1) * count; i++) xt[i] = (1 - t[b]) * x0[i] + t[b] * eps[i]
  return xt
}

/** v = ε - x0, what the network learns. */
export const velocity = (x0: Float32Array, eps: Float32Array): Float32Array => eps.map((e, i) => e - x0[i])

/** Training times: sigmoid(mean + std z) of normal numbers z, then shifted (Esser et al. 2024, section 3.1). */
export function logitNormalTimes(z: Float32Array, { mean = 0, std = 1, shift = 1 } = {}): Float32Array {
  return z.map((value) => shiftTime(1 / (1 + Math.exp(-(mean + std * value))), shift))
}

/** The times t that a sampler visits [steps + 1], from noise to data. */
export function flowSigmas(config: FlowConfig, steps: number, mu?: number): number[] {
  if (!Number.isInteger(steps) || steps < 1)
    throw new TubeletError('usage', `steps must be a whole number from 1, not ${steps}`)
  if (config.use_dynamic_shifting && mu === undefined)
    throw new TubeletError('usage', 'flow: this scheduler shifts its times by the size of the sample; give mu')
  const dynamic = config.use_dynamic_shifting
  // Ends of the training times; diffusers takes them after the shift and shifts once more below, and so must we.
  const T = config.num_train_timesteps
  const [least, most] = [1 / T, 1].map((t) => Math.fround(dynamic ? t : shiftTime(t, config.shift)))
  let sigmas = line(most, least, steps).map((t) =>
    dynamic ? dynamicShift(t, mu!, config) : shiftTime(t, config.shift),
  )
  if (config.shift_terminal && steps > 1) {
    const scale = (1 - sigmas[steps - 1]) / (1 - config.shift_terminal)
    sigmas = sigmas.map((t) => 1 - (1 - t) / scale)
  }
  const [first, last] = [sigmas[0], sigmas[steps - 1]]
  if (config.use_karras_sigmas) sigmas = line(first ** (1 / 7), last ** (1 / 7), steps).map((root) => root ** 7)
  else if (config.use_exponential_sigmas) sigmas = line(Math.log(first), Math.log(last), steps).map(Math.exp)
  return config.invert_sigmas ? [...sigmas.map((t) => 1 - t), 1] : [...sigmas, 0]
}

const line = (from: number, to: number, count: number) =>
  Array.from({ length: count }, (_, i) => (count === 1 ? from : from + ((to - from) * i) / (count - 1)))

const dynamicShift = (t: number, mu: number, { time_shift_type: kind }: FlowConfig) => {
  const factor = kind === 'exponential' ? Math.exp(mu) : mu
  return factor / (factor + (1 / t - 1))
}

/** A scheduler of a flow: it always knows its times. */
export type FlowScheduler = Scheduler & Required<Pick<Scheduler, 'sigmas' | 'along'>>

/** Euler's method along the flow: x ← x + (t' - t) v. */
export function flowEuler(config: FlowConfig, steps: number, { mu }: { mu?: number } = {}): FlowScheduler {
  return eulerAlong(flowSigmas(config, steps, mu), config)
}

function eulerAlong(times: readonly number[], config: FlowConfig): FlowScheduler {
  const sigmas = times.map(Math.fround)
  return {
    timesteps: sigmas.slice(0, -1).map((t) => Math.fround(t * config.num_train_timesteps)),
    sigmas,
    along: (others) => eulerAlong(others, config),
    initNoiseSigma: 1,
    drawsNoise: () => config.stochastic_sampling,
    step({ prediction, x, index, noise }) {
      checkSize(prediction, x)
      const [t, next] = [sigmas[index], sigmas[index + 1]]
      if (!config.stochastic_sampling) return x.map((value, i) => value + (next - t) * prediction[i])
      const drawn = needed(noise, index)
      return x.map((value, i) => (1 - next) * (value - t * prediction[i]) + next * drawn[i])
    },
  }
}
