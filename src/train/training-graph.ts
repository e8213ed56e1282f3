import { TubeletError } from '../errors.ts'
import { ShapeError, sameShape, size, type Tensor } from '../graph/index.ts'
import { type Parameter, params, type Updates } from '../nn/index.ts'
import { grad } from '../transform/grad.ts'
import type { TrainConfig } from './config.ts'
import { cachedGradients, type GradientCache, joining } from './gradient-cache.ts'

/** What one batch computes. */
export interface TrainingGraph {
  readonly parameters: readonly Parameter[] // trained ones, frozen ones and buffers
  readonly scalars: Readonly<Record<string, Tensor>> // the loss and what is reported beside it
  readonly gradients: Readonly<Record<string, Tensor>> // by parameter
  readonly buffers: Readonly<Record<string, Tensor>> // next values of buffers, by name
  /** Where the loss is one of all batches of a step; `gradients` are then those that do not go through a batch. */
  readonly cache?: GradientCache
}

/** Builds model, loss and gradients. Throws ShapeError where a part does not fit. */
export function trainingGraph(config: Pick<TrainConfig, 'build' | 'frozen' | 'accumulate'>): TrainingGraph {
  const { build, frozen, accumulate = 1 } = config
  const p = params()
  const updates: Updates = new Map()
  const { whole, parts } = joining(accumulate)
  const scalars = build(p, updates, whole)
  for (const [name, t] of Object.entries(scalars))
    if (size(t.shape) !== 1) throw new ShapeError('train', `'${name}' must hold one number`, { [name]: t })
  for (const [name, next] of updates) {
    const buffer = p.all.get(name)
    if (!buffer || buffer.trained || !sameShape(buffer.tensor.shape, next.shape))
      throw new ShapeError('train', `'${name}' must be a buffer of that shape to be updated`, { next })
  }
  const parameters = [...p.all.values()].map((one) => (frozen?.(one.name) ? { ...one, trained: false } : one))
  const trained = parameters.filter((one) => one.trained)
  if (trained.length === 0)
    throw new TubeletError('usage', `train: there is nothing to train: ${parameters.length} parameters, all frozen`)
  if (parts.length > 0) {
    if (updates.size > 0)
      throw new TubeletError('usage', 'train: batch normalisation sees one batch, so a loss cannot be one of them all')
    return { parameters, scalars, buffers: {}, ...cachedGradients(scalars, parameters, parts) }
  }
  const gradients = grad(
    scalars.loss,
    trained.map((one) => one.tensor),
  )
  return {
    parameters,
    scalars,
    gradients: Object.fromEntries(trained.map(({ name }, i) => [name, gradients[i]])),
    buffers: Object.fromEntries([...updates].filter(([name]) => !frozen?.(name))),
  }
}

/** Number of trained weights. */
export const parameterCount = (parameters: readonly Parameter[]): number =>
  parameters.reduce((total, { tensor, trained }) => total + (trained ? size(tensor.shape) : 0), 0)
