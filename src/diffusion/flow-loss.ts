import type { Tensor } from '../graph/index.ts'
import { add, cast, greater, mean, mul, reshape, square, sub } from '../ops/index.ts'

/** What the loss of a rectified flow is taken over. */
export interface FlowInputs {
  readonly x0: Tensor // [B, ...], data
  readonly eps: Tensor // like x0, standard normal
  readonly t: Tensor // [B] in [0, 1]: 0 is data, 1 noise; or [B, T] of clips, where a frame at 0 is given and not asked for
  readonly weight?: Tensor // broadcast to x0: what each squared error counts; 1
  readonly motion?: Tensor // [B], of clips x0 [B, C, T, ...]: how many times the error beside its mean over time counts
}

/**
 * Mean squared error of the velocity of a rectified flow (Liu et al. 2022, equation 1; Esser et al. 2024, section 2):
 * xt = (1 − t) x0 + t eps moves with dx/dt = eps − x0. The network is told 1000 t.
 */
export function flowLoss(
  predict: (xt: Tensor, time: Tensor) => Tensor,
  { x0, eps, t, weight, motion }: FlowInputs,
): Tensor {
  const perSample = (x: Tensor) => reshape(x, [x.shape[0], ...x0.shape.slice(1).map(() => 1)])
  const perFrame = (x: Tensor) => reshape(x, [x.shape[0], 1, x.shape[1], ...x0.shape.slice(3).map(() => 1)])
  const velocity = sub(eps, x0)
  const xt = add(x0, mul(t.shape.length === 1 ? perSample(t) : perFrame(t), velocity))
  const off = sub(predict(xt, mul(t, 1000)), velocity)
  const error = t.shape.length === 1 ? off : mul(off, perFrame(cast(greater(t, 0), 'float32')))
  const moving = motion && mul(perSample(sub(motion, 1)), square(sub(error, mean(error, 2, true))))
  const squared = moving ? add(square(error), moving) : square(error)
  return mean(weight ? mul(squared, weight) : squared)
}
