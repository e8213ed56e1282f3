import { TubeletError } from '../errors.ts'

/** Learning rate of a step; steps are counted from 1. */
export type LearningRate = (step: number) => number

/** Shape of a learning rate over a run. */
export interface LearningRateConfig {
  /** Highest learning rate. */
  readonly peak: number
  /** Steps of linear rise before the peak; default 0. */
  readonly warmup?: number
  /** Steps of the run. */
  readonly total: number
  /** Where the rate ends, as a share of the peak; default 0, which it would reach just after the last step. */
  readonly floor?: number
}

/** Linear rise, then half a cosine down to the floor (Loshchilov & Hutter 2017, equation 5, without restarts). */
export function warmupCosine(config: LearningRateConfig): LearningRate {
  const { peak, warmup, total, floor } = checked('warmupCosine', config)
  return (step) => {
    const progress = share(step - 1 - warmup, total - warmup)
    return rise(step, warmup) * peak * (floor + ((1 - floor) * (1 + Math.cos(Math.PI * progress))) / 2)
  }
}

/** Linear rise, a plateau, and a linear fall over the last `decay` share of the steps (default 0.2; Hägele et al. 2024). */
export function trapezoid(config: LearningRateConfig & { readonly decay?: number }): LearningRate {
  const { peak, warmup, total, floor } = checked('trapezoid', config)
  const { decay = 0.2 } = config
  if (!(decay >= 0 && decay <= 1)) throw new TubeletError('usage', `trapezoid: decay must be from 0 to 1, not ${decay}`)
  const fall = Math.round(total * decay)
  return (step) => rise(step, warmup) * peak * (1 - (1 - floor) * share(step - 1 - (total - fall), fall))
}

/** Linear rise, then the same rate for ever. */
export function constant({ peak, warmup = 0 }: Pick<LearningRateConfig, 'peak' | 'warmup'>): LearningRate {
  checked('constant', { peak, warmup, total: warmup + 1 })
  return (step) => rise(step, warmup) * peak
}

/** The first step gets a share of the peak, the one after the warm-up all of it. */
const rise = (step: number, warmup: number) => Math.min(1, step / (warmup + 1))

const share = (done: number, of: number) => (done <= 0 ? 0 : Math.min(1, done / of))

function checked(name: string, { peak, warmup = 0, total, floor = 0 }: LearningRateConfig) {
  if (!(peak > 0 && Number.isFinite(peak)))
    throw new TubeletError('usage', `${name}: peak must be a positive number, not ${peak}`)
  if (!Number.isInteger(warmup) || warmup < 0 || !Number.isInteger(total) || total <= warmup)
    throw new TubeletError(
      'usage',
      `${name}: warmup (${warmup}) and total (${total}) must be whole steps, warmup the fewer`,
    )
  if (!(floor >= 0 && floor <= 1)) throw new TubeletError('usage', `${name}: floor must be from 0 to 1, not ${floor}`)
  return { peak, warmup, total, floor }
}
