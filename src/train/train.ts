import { TubeletError } from '../errors.ts'
import { size, type Tensor } from '../graph/index.ts'
import { type Params, params } from '../nn/index.ts'
import { stream } from '../random.ts'
import type { Arrays, Program, Runtime } from '../runtime/runtime.ts'
import { grad } from '../transform/grad.ts'
import { type Optimizer, type OptimizerConfig, optimizer } from './optimizer.ts'

/** A run as data: what is minimised, on what, and how. */
export interface TrainConfig {
  readonly name: string
  readonly seed: number
  readonly steps: number
  /** Builds model and loss once. `loss` is minimised; other scalars are reported. */
  readonly build: (p: Params) => { readonly loss: Tensor } & Readonly<Record<string, Tensor>>
  /** The inputs of one step: a pure function of the step, so that a run that was stopped goes on as if it had not been. */
  readonly batch: (step: number) => Arrays | Promise<Arrays>
  readonly samples: number // in one batch, for the progress line
  /** Learning rate of a step, counted from 1. */
  readonly lr: (step: number) => number
  readonly optimizer?: OptimizerConfig
  /** Gradients are averaged over so many batches before an update. */
  readonly accumulate?: number
  /** Called on the weights after each update, such as to clamp one. */
  readonly after?: (weights: Readonly<Record<string, Float32Array>>) => void
}

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

/** Everything that a run needs to go on, as views of live memory: valid until the next event is asked for. */
export interface TrainState {
  readonly step: number // updates done
  /** Weights, moments and averages, by kind and name, as in `optimizer.ts`. */
  readonly arrays: Readonly<Record<string, { readonly data: Float32Array; readonly shape: readonly number[] }>>
  /** Weights by the names of the checkpoint; the running average where there is one. */
  readonly weights: (
    averaged: boolean,
  ) => Record<string, { readonly data: Float32Array; readonly shape: readonly number[] }>
}

/** Where a run computes, and where it starts. */
export interface TrainOptions {
  readonly runtime: Runtime
  readonly resume?: Pick<TrainState, 'step' | 'arrays'>
  /** Weights to begin with; others are drawn from the seed. */
  readonly weights?: Record<string, Float32Array>
  readonly signal?: AbortSignal
  /** Waiting threads spin: faster on a machine that does nothing else, much slower on a busy one. */
  readonly spin?: boolean
}

/**
 * Trains and yields what happens. It prints nothing and writes no file: a command, a test or a page reads the events,
 * saves the state when it likes, and leaves the loop or aborts the signal to stop.
 */
export async function* train(config: TrainConfig, options: TrainOptions): AsyncGenerator<TrainEvent> {
  const began = performance.now()
  const { accumulate = 1, after } = config
  const p = params()
  const scalars = config.build(p)
  const parameters = [...p.all.values()]
  const trained = parameters.filter((one) => one.trained)
  const update = await optimizer(parameters, { ...config.optimizer, ...options })
  const gradients = grad(
    scalars.loss,
    trained.map((one) => one.tensor),
  )
  const outputs = Object.fromEntries(trained.map((one, i) => [gradientOf(one.name), gradients[i]]))
  const program = await options.runtime.load({ ...prefixed(scalars), ...outputs }, { spin: options.spin })
  try {
    restore(update, parameters, config, options)
    let step = options.resume?.step ?? 0
    const state = () => ({ step, arrays: update.arrays(), weights: update.weights })
    const count = trained.reduce((total, one) => total + size(one.tensor.shape), 0)
    yield { kind: 'ready', parameters: count, ms: performance.now() - began, state: state() }

    while (step < config.steps && !options.signal?.aborted) {
      const from = performance.now()
      const values = await accumulated({ program, update, config, step, accumulate })
      const lr = config.lr(step + 1)
      checkFinite(step + 1, values.loss, update)
      const gradientNorm = await update.apply({ step: step + 1, lr, scale: 1 / accumulate })
      after?.(update.live)
      step += 1
      const { loss, ...rest } = values
      yield { kind: 'step', step, loss, scalars: rest, gradientNorm, lr, ms: performance.now() - from, state: state() }
    }
  } finally {
    await program.release()
    await update.release()
  }
}

const gradientOf = (name: string) => `gradient ${name}`
const prefixed = (scalars: Record<string, Tensor>) =>
  Object.fromEntries(Object.entries(scalars).map(([name, t]) => [`scalar ${name}`, t]))

function restore(
  update: Optimizer,
  parameters: Iterable<{
    name: string
    init: (shape: readonly number[], r: ReturnType<typeof stream>) => Float32Array
    tensor: Tensor
  }>,
  config: TrainConfig,
  { resume, weights = {} }: TrainOptions,
) {
  if (resume) return update.load(resume.arrays)
  const initial: Record<string, Float32Array> = {}
  for (const { name, init, tensor } of parameters)
    initial[name] = weights[name] ?? init(tensor.shape, stream({ seed: config.seed, purpose: `init ${name}` }))
  update.start(initial)
}

interface Accumulation {
  readonly program: Program
  readonly update: Optimizer
  readonly config: TrainConfig
  readonly step: number
  readonly accumulate: number
}

/** Runs the batches of one step; gradients end up summed in the optimizer's memory, scalars averaged. */
async function accumulated({
  program,
  update,
  config,
  step,
  accumulate,
}: Accumulation): Promise<Record<string, number>> {
  const totals: Record<string, number> = {}
  for (let i = 0; i < accumulate; i++) {
    const batch = await config.batch(step * accumulate + i)
    const results = await program.run({ ...update.live, ...batch }, update.gradients)
    if (accumulate > 1) update.accumulate(i === 0)
    for (const [name, value] of Object.entries(results))
      if (name.startsWith('scalar '))
        totals[name.slice(7)] = (totals[name.slice(7)] ?? 0) + Number(value[0]) / accumulate
  }
  return totals
}

function checkFinite(step: number, loss: number, update: Optimizer) {
  const name = update.firstNonFinite()
  if (name !== undefined)
    throw new TubeletError(
      'numeric',
      `step ${step}: the gradient of ${name} is not a finite number (loss ${loss}); the weights are those of the step before`,
    )
  if (!Number.isFinite(loss))
    throw new TubeletError('numeric', `step ${step}: the loss is ${loss}; the weights are those of the step before`)
}
