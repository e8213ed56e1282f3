import { TubeletError } from '../errors.ts'
import { size, type Tensor } from '../graph/index.ts'
import type { Parameter } from '../nn/index.ts'
import { stream } from '../random.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { type Batches, loadBatches } from './batches.ts'
import { loadCachedBatches } from './cached-batches.ts'
import type { TrainConfig } from './config.ts'
import type { Shaped } from './fit.ts'
import { firstNonFinite } from './non-finite.ts'
import { type Optimizer, optimizer } from './optimizer.ts'
import { parameterCount, type TrainingGraph, trainingGraph } from './training-graph.ts'

/** What happens in a run. */
export type TrainEvent =
  | { readonly kind: 'ready'; readonly parameters: number; readonly ms: number; readonly state: TrainState }
  | {
      readonly kind: 'step'
      readonly step: number
      readonly loss: number
      readonly scalars: Readonly<Record<string, number>>
      readonly gradientNorm: number
      readonly lr: number
      readonly ms: number
      readonly state: TrainState
    }
  /** A step could not be done; the state is that before it, and may be saved. What went wrong is thrown next. */
  | { readonly kind: 'failed'; readonly step: number; readonly state: TrainState }

/** Everything that a run needs to go on, as views of live memory: valid until the next event is asked for. */
export interface TrainState {
  readonly step: number // updates done
  /** Weights, moments, averages and buffers, by kind and name, as in `optimizer.ts`. */
  readonly arrays: Readonly<Record<string, Shaped>>
  /** Weights by the names of the checkpoint; the running average where there is one. */
  readonly weights: (averaged: boolean) => Record<string, Shaped>
}

/** Where a run computes, and where it starts. */
export interface TrainOptions {
  readonly runtime: Runtime
  /** Goes on from there. Throws TubeletError('input') where it is the state of another model. */
  readonly resume?: Pick<TrainState, 'step' | 'arrays'>
  /** Weights to begin with; others are drawn from the seed. */
  readonly weights?: Readonly<Record<string, Float32Array>>
  readonly signal?: AbortSignal
}

/**
 * Trains and yields what happens. It prints nothing and writes no file: a command, a test or a page reads the events,
 * saves the state when it likes, and leaves the loop or aborts the signal to stop.
 * Throws TubeletError('numeric') that names the step and the first tensor where a number is not finite; the weights are
 * then those of the step before. Throws TubeletError('input') where the learning rate is no number.
 */
export async function* train(config: TrainConfig, options: TrainOptions): AsyncGenerator<TrainEvent> {
  const began = performance.now()
  const graph = trainingGraph(config)
  const update = await optimizer(graph.parameters, { ...config.optimizer, ...options })
  let batches: Batches | undefined
  let step = options.resume?.step ?? 0
  let failed: { loss: number } | undefined
  try {
    const parts = { graph, update, config }
    const { runtime } = options
    batches = await (graph.cache ? loadCachedBatches(parts, graph.cache, runtime) : loadBatches(parts, runtime))
    if (options.resume) update.load(options.resume.arrays)
    else update.start(firstWeights(graph.parameters, config, options))
    const state = (): TrainState => ({ step, weights: update.weights, arrays: update.arrays() })
    const parameters = parameterCount(graph.parameters)
    yield { kind: 'ready', parameters, ms: performance.now() - began, state: state() }

    while (step < config.steps && !options.signal?.aborted) {
      const from = performance.now()
      const putBack = keepBuffers(graph, update)
      let lr: number
      let scalars: Readonly<Record<string, number>>
      try {
        lr = rateOf(config, step + 1)
        scalars = await batches.run(step)
      } catch (error) {
        putBack()
        yield { kind: 'failed', step, state: state() }
        throw error
      }
      const { loss, ...others } = scalars
      const { scale } = batches
      const gradientNorm = Number.isFinite(loss) ? await update.apply({ step: step + 1, lr, scale }) : loss
      if (!Number.isFinite(gradientNorm)) {
        putBack()
        yield { kind: 'failed', step, state: state() }
        failed = { loss }
        break
      }
      config.after?.(update.live)
      step += 1
      yield {
        kind: 'step',
        step,
        loss,
        scalars: others,
        gradientNorm,
        lr,
        ms: performance.now() - from,
        state: state(),
      }
    }
  } finally {
    await batches?.release()
    await update.release()
  }
  if (failed) throw await nonFinite({ graph, update, config, step, ...failed }, options.runtime)
}

/** The learning rate of a step, which a schedule of the user's own may fail to give. */
function rateOf({ lr }: TrainConfig, step: number): number {
  const rate = lr(step)
  if (Number.isFinite(rate)) return rate
  throw new TubeletError('input', `step ${step}: the learning rate must be a finite number, not ${rate}`)
}

/** Copies the buffers, which change while a step is computed; the function that comes back puts them as they were. */
function keepBuffers({ buffers }: TrainingGraph, { live }: Optimizer): () => void {
  const kept = Object.keys(buffers).map((name) => [live[name], live[name].slice()])
  return () => {
    for (const [now, before] of kept) now.set(before)
  }
}

/** The given weights, others as the parameter's own rule draws them. */
function firstWeights(
  parameters: readonly Parameter[],
  { seed }: TrainConfig,
  { weights = {} }: TrainOptions,
): Record<string, Float32Array> {
  const initial = parameters.map(({ name, init, tensor }) => {
    const array = weights[name] ?? init(tensor.shape, stream({ seed, purpose: `init ${name}` }))
    if (array.length !== size(tensor.shape))
      throw new TubeletError(
        'input',
        `first weights: '${name}' holds ${array.length} numbers, not ${size(tensor.shape)}`,
      )
    return [name, array] as const
  })
  const known = Object.fromEntries(initial)
  const unknown = Object.keys(weights).find((name) => !Object.hasOwn(known, name))
  if (unknown !== undefined) throw new TubeletError('input', `first weights: '${unknown}' is not in the model`)
  return known
}

/** A step on its way. */
interface StepState {
  readonly graph: TrainingGraph
  readonly update: Optimizer
  readonly config: TrainConfig
  readonly step: number // updates done
}

/** The error that names the step and the first tensor that is not finite: the batches are computed again to find it. */
async function nonFinite(
  { graph, update, config, step, loss }: StepState & { loss: number },
  runtime: Runtime,
): Promise<TubeletError> {
  const { accumulate = 1 } = config
  // Under one loss of all batches, what each gives to it is looked at.
  const groups = graph.cache ? [graph.cache.rows] : [graph.scalars, graph.gradients]
  const suspects = groups.flatMap((group): Tensor[] => Object.values(group))
  let found: string | undefined
  for (let i = 0; i < accumulate && found === undefined; i++) {
    const feeds = { ...(await config.batch(step * accumulate + i)), ...update.live }
    // Where that fails too, such as for want of memory, the parameter's name must do.
    found = await firstNonFinite(suspects, feeds, runtime).catch(() => undefined)
  }
  const where = found ?? (Number.isFinite(loss) ? `the gradient of ${update.firstNonFinite()}` : 'the loss')
  return new TubeletError(
    'numeric',
    `step ${step + 1}: ${where} is not a finite number (loss ${loss}); the weights are still those of step ${step}`,
  )
}
