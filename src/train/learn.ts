import { TubeletError } from '../errors.ts'
import type { TrainConfig } from './config.ts'
import { type TrainOptions, train } from './train.ts'

/** What a run has learnt. */
export interface Learned {
  /** By the names of the checkpoint; the running average where there is one. */
  readonly weights: Record<string, Float32Array>
  /** As the last step left them, without the average. */
  readonly last: Record<string, Float32Array>
  /** Points [step, mean loss since the last point]. */
  readonly curve: readonly (readonly [step: number, loss: number])[]
}

/**
 * Trains to the last step at once, for runs that need no checkpoint; the curve has a point every `every` steps, by
 * default 40 in all. Throws TubeletError('stopped') where the signal ends it before, and what `train` throws.
 */
export async function learn(config: TrainConfig, options: TrainOptions & { every?: number }): Promise<Learned> {
  const { every = Math.max(1, Math.floor(config.steps / 40)), ...rest } = options
  const curve: [number, number][] = []
  let recent: number[] = []
  for await (const event of train(config, rest)) {
    if (event.kind === 'ready') continue
    recent.push(event.loss)
    if (event.step % every === 0) {
      curve.push([event.step, recent.reduce((a, b) => a + b) / recent.length])
      recent = []
    }
    if (event.step < config.steps) continue
    const copied = (averaged: boolean): Record<string, Float32Array> =>
      Object.fromEntries(Object.entries(event.state.weights(averaged)).map(([name, { data }]) => [name, data.slice()]))
    return { weights: copied(true), last: copied(false), curve }
  }
  throw new TubeletError('stopped', `${config.name}: stopped before its last step`)
}
