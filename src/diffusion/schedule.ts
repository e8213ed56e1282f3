import { z } from 'zod'
import { TubeletError } from '../errors.ts'

/** How much noise each training step adds, and which steps a sampler visits, under the names of diffusers' files. */
export const scheduleConfig = z.object({
  /** T, training steps. */
  num_train_timesteps: z.int().min(2).max(100_000).default(1000),
  beta_start: z.number().positive().lt(1).default(0.0001),
  beta_end: z.number().positive().lt(1).default(0.02),
  /** 'scaled_linear' is linear in √β (Rombach et al. 2022), 'squaredcos_cap_v2' is Nichol & Dhariwal's cosine. */
  beta_schedule: z.enum(['linear', 'scaled_linear', 'squaredcos_cap_v2', 'sigmoid', 'laplace']).default('linear'),
  trained_betas: z.array(z.number().min(0).max(1)).min(2).nullish(),
  /** Makes the last step pure noise (Lin et al. 2024, algorithm 1). */
  rescale_betas_zero_snr: z.boolean().default(false),
  timestep_spacing: z.enum(['leading', 'trailing', 'linspace']).default('leading'),
  /** Added to every time step of 'leading'; Stable Diffusion has 1. */
  steps_offset: z.int().min(0).default(0),
})
export type ScheduleConfig = z.infer<typeof scheduleConfig>

/** β of each training step [T], the variance of the noise it adds (Ho et al. 2020, equation 2). */
export function betas(config: ScheduleConfig): Float64Array {
  const { num_train_timesteps: T, beta_start: first, beta_end: last, beta_schedule: kind } = config
  const line = (from: number, to: number) =>
    Float64Array.from({ length: T }, (_, t) => from + ((to - from) * t) / (T - 1))
  const given = () => {
    if (config.trained_betas) return Float64Array.from(config.trained_betas)
    if (kind === 'linear') return line(first, last)
    if (kind === 'scaled_linear') return line(Math.sqrt(first), Math.sqrt(last)).map((root) => root * root)
    if (kind === 'sigmoid') return line(-6, 6).map((x) => (last - first) / (1 + Math.exp(-x)) + first)
    return betasOfAlphaBar(T, kind === 'laplace' ? laplace : cosine)
  }
  return config.rescale_betas_zero_snr ? zeroTerminalSnr(given()) : given()
}

/** ᾱ of each training step [T], the share of the picture's variance that is left: the product of all 1 - β so far. */
export const alphaBars = (config: ScheduleConfig): Float64Array => remaining(betas(config))

function remaining(noise: Float64Array): Float64Array {
  let product = 1
  return noise.map((beta) => {
    product *= 1 - beta
    return product
  })
}

/** Nichol & Dhariwal 2021, equation 17, over u in [0, 1]. */
const cosine = (u: number) => Math.cos((((u + 0.008) / 1.008) * Math.PI) / 2) ** 2

/** ᾱ of a Laplace distribution of the log signal-to-noise ratio (Hang et al. 2024), as diffusers has it. */
const laplace = (u: number) => {
  const sign = u > 0.5 ? -1 : 1 // 1 at the middle too
  const snr = Math.exp(-0.5 * sign * Math.log(1 - 2 * Math.abs(0.5 - u) + 1e-6))
  return Math.sqrt(snr / (1 + snr))
}

/** No β exceeds 0.999, so that ᾱ stays above zero (Nichol & Dhariwal 2021, section 3.2). */
const betasOfAlphaBar = (T: number, alphaBar: (u: number) => number) =>
  Float64Array.from({ length: T }, (_, t) => Math.min(1 - alphaBar((t + 1) / T) / alphaBar(t / T), 0.999))

function zeroTerminalSnr(original: Float64Array): Float64Array {
  const roots = remaining(original).map(Math.sqrt)
  const [first, last] = [roots[0], roots[roots.length - 1]]
  const bars = roots.map((root) => (((root - last) * first) / (first - last)) ** 2)
  return bars.map((bar, t) => 1 - (t === 0 ? bar : bar / bars[t - 1]))
}

/** The time steps that a sampler of `steps` steps visits, noisiest first (Lin et al. 2024, table 2). */
export function spacedTimesteps(config: ScheduleConfig, steps: number): number[] {
  const T = config.trained_betas?.length ?? config.num_train_timesteps
  if (!Number.isInteger(steps) || steps < 1 || steps > T)
    throw new TubeletError('usage', `steps must be a whole number from 1 to the ${T} steps of training, not ${steps}`)
  const indices = Array.from({ length: steps }, (_, i) => i)
  // Numbers near a half round up or down as NumPy's do only where they are computed in its order.
  const spaced = () => {
    if (config.timestep_spacing === 'linspace') {
      const step = steps === 1 ? 0 : (T - 1) / (steps - 1)
      return indices.map((i) => roundToEven(i * step)).reverse()
    }
    if (config.timestep_spacing === 'leading')
      return indices.map((i) => i * Math.floor(T / steps) + config.steps_offset).reverse()
    const step = T - T / steps - T
    return indices.map((i) => roundToEven(T + i * step) - 1)
  }
  const timesteps = spaced()
  if (timesteps[0] >= T)
    throw new TubeletError(
      'usage',
      `steps: with steps_offset ${config.steps_offset}, at most ${T - 1} steps fit, not ${steps}`,
    )
  return timesteps
}

/** Nearest whole number, halves to the even one, as NumPy rounds. */
function roundToEven(x: number): number {
  const floor = Math.floor(x)
  if (x - floor !== 0.5) return Math.round(x)
  return floor % 2 === 0 ? floor : floor + 1
}
