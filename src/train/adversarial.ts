import type { Tensor } from '../graph/index.ts'
import { detachedParams, type Params } from '../nn/index.ts'
import { add, clip, detach, div, mean, mul, relu, sqrt, square, sub, sum } from '../ops/index.ts'
import { grad } from '../transform/grad.ts'

/** What a generator and its discriminator play about. */
export interface AdversarialInputs {
  readonly real: Tensor // pictures of the data
  readonly fake: Tensor // what the generator made, with its gradient
  readonly reconstruction: Tensor // the loss of the generator that its part is balanced against: a scalar
  readonly lastLayer: Tensor // the weight of the generator's last layer, where both are compared
}

/** Both players' parts of one loss. */
export interface AdversarialLoss {
  /** −mean D(fake) times the adaptive weight: moves the generator alone. */
  readonly generator: Tensor
  /** Hinge loss (Lim & Ye 2017): ½ (mean max(0, 1 − D(real)) + mean max(0, 1 + D(fake))): moves D alone. */
  readonly discriminator: Tensor
  readonly weight: Tensor
}

/**
 * The adversarial part of an autoencoder's loss (Rombach et al. 2022, equation 25; Isola et al. 2017). Two players share
 * one loss: the generator's part reads the discriminator's weights without a gradient, the discriminator's part the
 * picture, so that the sum of both gives each player the gradient of its own part, and one run of `train` moves both at
 * once. `judge` declares the discriminator under p and is called twice.
 */
export function adversarialLoss(
  p: Params,
  judge: (p: Params) => (x: Tensor) => Tensor,
  { real, fake, reconstruction, lastLayer }: AdversarialInputs,
): AdversarialLoss {
  const look = judge(p)
  const plain = mul(mean(judge(detachedParams(p))(fake)), -1)
  const weight = adaptiveWeight(reconstruction, plain, lastLayer)
  const [onReal, onFake] = [look(real), look(detach(fake))]
  const discriminator = mul(add(mean(relu(sub(1, onReal))), mean(relu(add(onFake, 1)))), 0.5)
  return { generator: mul(plain, weight), discriminator, weight }
}

/**
 * |∇ reconstruction| / (|∇ adversarial| + 10⁻⁶) at the last layer, at most 10⁴: neither drowns the other (Esser et al.
 * 2021, arXiv:2012.09841, equation 7; the bound is that of their code). A scalar without gradient.
 */
export function adaptiveWeight(reconstruction: Tensor, adversarial: Tensor, lastLayer: Tensor): Tensor {
  const length = (loss: Tensor) => sqrt(sum(square(grad(loss, [lastLayer])[0])))
  return detach(clip(div(length(reconstruction), add(length(adversarial), 1e-6)), 0, 1e4))
}
