import { TubeletError } from '../errors.ts'
import type { TrainConfig } from './config.ts'
import { type TrainOptions, type TrainState, train } from './train.ts'

/** What a run has learnt. */
export interface Learned {
  /** By the names of the checkpoint; the running average where there is one. */
  readonly weights: Record<string, Float32Array>
  /** As the last step left them, without the average. */
  readonly last: Record<string, Float32Array>
  /** Points [step, mean loss since the last point]. */
  readonly curve: readonly (readonly [step: number, loss: number])[]
}

/** How far a run is: what it goes on from, and its curve. */
export interface LearningState extends Pick<TrainState, 'step' | 'arrays'> {
  readonly curve: Learned['curve']
  readonly recent: readonly number[] // losses since the last point
  readonly ms: number // that the run took so far
}

/** Where a run keeps how far it is, so that one that was stopped goes on exactly. */
export interface LearningStore {
  read(): Promise<LearningState | undefined>
  write(state: LearningState): Promise<void>
}

/** How a run is learnt at once. */
export interface LearnOptions extends Omit<TrainOptions, 'resume'> {
  readonly every?: number // steps between points of the curve; by default 40 points in all
  readonly store?: LearningStore
}

const writeEvery = 4 * 60_000 // milliseconds

/**
 * Trains to the last step at once. With a store it is written every four minutes, where the signal stops the run, and at
 * the end; a run that was finished there is not trained again. Throws TubeletError('stopped') where the signal ends it
 * before the last step, and what `train` throws.
 */
export async function learn(config: TrainConfig, options: LearnOptions): Promise<Learned> {
  const { every = Math.max(1, Math.floor(config.steps / 40)), store, ...rest } = options
  const began = performance.now()
  const before = await store?.read()
  const curve = [...(before?.curve ?? [])]
  let recent = [...(before?.recent ?? [])]
  let written = began
  for await (const event of train(config, { ...rest, resume: before })) {
    const { step, arrays, weights } = event.state
    if (event.kind === 'step') {
      recent.push(event.loss)
      if (step % every === 0) {
        curve.push([step, recent.reduce((a, b) => a + b) / recent.length])
        recent = []
      }
      const now = performance.now()
      if (store && (step === config.steps || options.signal?.aborted || now - written > writeEvery)) {
        await store.write({ step, arrays, curve, recent, ms: (before?.ms ?? 0) + now - began })
        written = now
      }
    }
    if (step < config.steps) continue
    const copied = (averaged: boolean): Record<string, Float32Array> =>
      Object.fromEntries(Object.entries(weights(averaged)).map(([name, { data }]) => [name, data.slice()]))
    return { weights: copied(true), last: copied(false), curve }
  }
  throw new TubeletError('stopped', `${config.name}: stopped before its last step`)
}
