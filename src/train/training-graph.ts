import { TubeletError } from '../errors.ts'
import { ShapeError, sameShape, size, type Tensor } from '../graph/index.ts'
import { type Parameter, params, type Updates } from '../nn/index.ts'
import { grad } from '../transform/grad.ts'
import type { TrainConfig } from './config.ts'

/** What one batch computes. */
export interface TrainingGraph {
  readonly parameters: readonly Parameter[] // trained ones, frozen ones and buffers
  readonly scalars: Readonly<Record<string, Tensor>> // the loss and what is reported beside it
  readonly gradients: Readonly<Record<string, Tensor>> // by parameter
  readonly buffers: Readonly<Record<string, Tensor>> // next values of buffers, by name
}

/** Builds model, loss and gradients. Throws ShapeError where a part does not fit. */
export function trainingGraph({ build, frozen }: Pick<TrainConfig, 'build' | 'frozen'>): TrainingGraph {
  const p = params()
  const updates: Updates = new Map()
  const scalars = build(p, updates)
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
  const gradients = grad(
    scalars.loss,
    trained.map((one) => one.tensor),
  )
  return {
    parameters,
    scalars,
    gradients: Object.fromEntries(trained.map(({ name }, i) => [name, gradients[i]])),
    buffers: Object.fromEntries(updates),
  }
}

/** Number of trained weights. */
export const parameterCount = (parameters: readonly Parameter[]): number =>
  parameters.reduce((total, { tensor, trained }) => total + (trained ? size(tensor.shape) : 0), 0)
