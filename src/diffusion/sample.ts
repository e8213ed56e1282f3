import { TubeletError } from '../errors.ts'
import { needed } from './ddpm.ts'
import type { Scheduler } from './step.ts'

/** The network as a sampler sees it: xt and the scheduler's time → its prediction for all of xt. */
export type Denoise = (x: Float32Array, t: number) => Promise<Float32Array>

/** One run of a sampler. */
export interface SampleConfig {
  readonly scheduler: Scheduler
  readonly denoise: Denoise
  /** The first x: normal noise times the scheduler's `initNoiseSigma`, or a noised sample to begin from. */
  readonly x: Float32Array
  /** Normal noise of a step, like x; called for the steps that draw noise. */
  readonly noise?: (index: number) => Float32Array
  /** First step; more than 0 begins nearer to the data (Meng et al. 2022). */
  readonly from?: number
  /** B, of x. */
  readonly batch?: number
  readonly signal?: AbortSignal
}

/** The state after a step. */
export interface SampleStep {
  /** Steps done, from 1. */
  readonly step: number
  readonly steps: number
  /** The time that this step started from. */
  readonly t: number
  readonly x: Float32Array
}

/** Walks from noise to data and yields every state; an aborted signal ends it with TubeletError('stopped'). */
export async function* sample({
  scheduler,
  denoise,
  noise,
  from = 0,
  batch,
  signal,
  ...first
}: SampleConfig): AsyncGenerator<SampleStep> {
  const { timesteps } = scheduler
  let x = first.x
  for (let index = from; index < timesteps.length; index++) {
    if (signal?.aborted)
      throw new TubeletError('stopped', `stopped before step ${index + 1} of ${timesteps.length}`, {
        cause: signal.reason,
      })
    const t = timesteps[index]
    const prediction = await denoise(scheduler.scaleModelInput?.(x, index) ?? x, t)
    const drawn = scheduler.drawsNoise(index) ? needed(noise?.(index), index) : undefined
    x = scheduler.step({ prediction, x, index, noise: drawn, batch })
    yield { step: index + 1, steps: timesteps.length, t, x }
  }
}
