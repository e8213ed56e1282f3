import { constant, ShapeError, type Tensor } from '../graph/index.ts'
import {
  add,
  cast,
  chunk,
  clip,
  detach,
  div,
  equal,
  erf,
  exp,
  gather,
  greater,
  log,
  maximum,
  mean,
  mul,
  reshape,
  square,
  sub,
  where,
} from '../ops/index.ts'
import { type DDPMConfig, posterior } from './ddpm.ts'
import { checkTerminal } from './prediction.ts'
import { alphaBars } from './schedule.ts'

/** What the loss of a denoising diffusion model is taken over. */
export interface DDPMInputs {
  readonly x0: Tensor // [B, C, ...], data in [-1, 1]
  readonly eps: Tensor // like x0, standard normal
  readonly t: Tensor // int32 [B], training steps from 0
}

/** The losses of a batch. */
export interface DDPMLoss {
  readonly loss: Tensor // what to train
  readonly simple: Tensor // mean squared error of what is predicted (Ho et al. 2020, equation 14)
  /** Bits per dimension of the step's part of the variational bound, where the variance is learned. */
  readonly bound?: Tensor
}

/**
 * Loss of a network that predicts the noise, x0 or the velocity of xt = √ᾱ x0 + √(1 − ᾱ) ε. Where the config asks for
 * `learned_range`, the network gives [B, 2C, ...], and the variances learn from the variational bound, whose means are
 * taken as they are: L = L_simple + 0.001 T · L_vlb (Nichol & Dhariwal 2021, section 3.1, equation 16, one t a sample).
 */
export function ddpmLoss(
  predict: (xt: Tensor, t: Tensor) => Tensor,
  { x0, eps, t }: DDPMInputs,
  config: DDPMConfig,
): DDPMLoss {
  const { bars, a, s, xt, guess, range } = told(predict, { x0, eps, t }, { config, where: 'ddpmLoss' })
  const kind = config.prediction_type
  const target = kind === 'epsilon' ? eps : kind === 'sample' ? x0 : sub(mul(a, eps), mul(s, x0))
  const simple = mean(square(sub(guess, target)))
  if (!range) return { loss: simple, simple }
  checkTerminal(bars[bars.length - 1], config)
  const clean = cleanOf(detach(guess), xt, { a, s, kind })
  const bound = mean(stepBits({ x0, xt, clean, range, t }, bars))
  return { loss: add(simple, mul(bound, 0.001 * bars.length)), simple, bound }
}

/** What a network says of xt = a x0 + s ε: its guess, and where the variance is learned the range of that. */
export function told(
  predict: (xt: Tensor, t: Tensor) => Tensor,
  { x0, eps, t }: DDPMInputs,
  { config, where }: { config: DDPMConfig; where: string },
) {
  const bars = alphaBars(config)
  const at = tablesAt(t, x0)
  const [a, s] = [at(bars, Math.sqrt), at(bars, (bar) => Math.sqrt(1 - bar))]
  const xt = add(mul(a, x0), mul(s, eps))
  const output = predict(xt, cast(t, 'float32'))
  const learned = config.variance_type === 'learned_range'
  if (output.shape[1] !== x0.shape[1] * (learned ? 2 : 1))
    throw new ShapeError(where, 'with learned_range the network gives twice the channels of x0, else as many', {
      output,
      x0,
    })
  const [guess, range]: readonly (Tensor | undefined)[] = learned ? chunk(output, 2, 1) : [output]
  return { bars, a, s, xt, guess: guess!, range }
}

/** x0 as a network believes it that says `guess` of xt = a x0 + s ε. */
export function cleanOf(
  guess: Tensor,
  xt: Tensor,
  { a, s, kind }: { a: Tensor; s: Tensor; kind: DDPMConfig['prediction_type'] },
): Tensor {
  if (kind === 'epsilon') return div(sub(xt, mul(s, guess)), a)
  return kind === 'sample' ? guess : sub(mul(a, xt), mul(s, guess))
}

/** A table's values at the time of each sample, [B, 1, ...] as x has axes. */
const tablesAt =
  (t: Tensor, x: Tensor) =>
  (table: ArrayLike<number>, of: (value: number, t: number) => number = (value) => value): Tensor =>
    reshape(gather(constant(Float32Array.from(table, of), [table.length]), t), [
      t.shape[0],
      ...x.shape.slice(1).map(() => 1),
    ])

/** What the bound reads of one step. */
export interface BoundStep {
  readonly x0: Tensor
  readonly xt: Tensor
  readonly clean: Tensor // x0 as the network believes it
  readonly range: Tensor // −1 for β̃, 1 for β
  readonly t: Tensor
  /** How the first step is taken: as the probability of a bin of 1 / 127.5, or as a density; default: bins. */
  readonly decoder?: 'bins' | 'density'
}

/**
 * Bits of each element: the divergence of the posterior given x0 from that given the network's x0 (Ho et al. 2020,
 * equation 5), and at the first step the surprise at x0 itself, in bins of 1 / 255 of the range (equation 13).
 */
export function stepBits({ x0, xt, clean, range, t, decoder = 'bins' }: BoundStep, bars: Float64Array): Tensor {
  const at = tablesAt(t, x0)
  const steps = Array.from(bars, (bar, i) => posterior(bar, i > 0 ? bars[i - 1] : 1))
  const least = steps.map(({ variance }, i) => Math.log(i > 0 ? variance : steps[1].variance)) // β̃ is 0 at the first step
  const [low, high] = [at(least), at(steps.map(({ beta }) => Math.log(beta)))]
  const logVariance = add(low, mul(mul(add(range, 1), 0.5), sub(high, low))) // Nichol & Dhariwal 2021, equation 15
  const [fromX0, fromXt] = [at(steps.map((q) => q.fromX0)), at(steps.map((q) => q.fromXt))]
  const meanOf = (x: Tensor) => add(mul(fromX0, x), mul(fromXt, xt))
  const [truth, belief] = [meanOf(x0), meanOf(clean)]
  const away = square(sub(truth, belief))
  const divergence = mul(sub(add(sub(logVariance, low), mul(add(exp(low), away), exp(mul(logVariance, -1)))), 1), 0.5)
  const first = reshape(equal(t, 0), [t.shape[0], ...x0.shape.slice(1).map(() => 1)])
  const told = decoder === 'bins' ? surprise(x0, belief, logVariance) : logDensity(x0, belief, logVariance)
  return mul(where(first, told, divergence), 1 / Math.LN2)
}

/** −ln of the density of a normal distribution at x. */
const logDensity = (x: Tensor, centre: Tensor, logVariance: Tensor): Tensor =>
  mul(add(add(logVariance, Math.log(2 * Math.PI)), mul(square(sub(x, centre)), exp(mul(logVariance, -1)))), 0.5)

/** −log of the probability that a normal number falls into the bin of x, whose outermost bins reach to infinity. */
function surprise(x: Tensor, centre: Tensor, logVariance: Tensor): Tensor {
  const rate = exp(mul(logVariance, -0.5))
  const below = (edge: Tensor) => mul(add(erf(mul(mul(sub(edge, centre), rate), Math.SQRT1_2)), 1), 0.5)
  const upper = where(greater(x, 0.999), 1, below(add(x, 1 / 255)))
  const lower = where(greater(mul(x, -1), 0.999), 0, below(sub(x, 1 / 255)))
  return mul(log(maximum(clip(sub(upper, lower), 0, 1), 1e-12)), -1)
}
