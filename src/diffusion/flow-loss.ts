import type { Tensor } from '../graph/index.ts'
import { add, mean, mul, reshape, square, sub } from '../ops/index.ts'

/** What the loss of a rectified flow is taken over. */
export interface FlowInputs {
  readonly x0: Tensor // [B, ...], data
  readonly eps: Tensor // like x0, standard normal
  readonly t: Tensor // [B] in [0, 1]: 0 is data, 1 noise
  readonly weight?: Tensor // broadcast to x0: what each squared error counts; 1
}

/**
 * Mean squared error of the velocity of a rectified flow (Liu et al. 2022, equation 1; Esser et al. 2024, section 2):
 * xt = (1 − t) x0 + t eps moves with dx/dt = eps − x0. The network is told 1000 t.
 */
export function flowLoss(predict: (xt: Tensor, time: Tensor) => Tensor, { x0, eps, t, weight }: FlowInputs): Tensor {
  const along = reshape(t, [t.shape[0], ...x0.shape.slice(1).map(() => 1)])
  const velocity = sub(eps, x0)
  const xt = add(x0, mul(along, velocity))
  const error = square(sub(predict(xt, mul(t, 1000)), velocity))
  return mean(weight ? mul(error, weight) : error)
}
