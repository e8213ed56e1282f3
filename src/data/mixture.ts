import { TubeletError } from '../errors.ts'
import type { RandomStream } from '../random.ts'

/** One round hill of a mixture. */
export interface Component {
  readonly weight: number // the weights of all are brought to sum 1
  readonly mean: readonly number[] // [D]
  readonly deviation: number // the same along every axis
}

/** What is known exactly of points xt [N, D] = √ᾱ x0 + √(1 − ᾱ) ε, with x0 from the mixture. */
export interface Moments {
  readonly logDensity: Float64Array // [N]
  readonly x0: Float32Array // E[x0 given xt], what a perfect denoiser answers, [N, D]
  readonly eps: Float32Array // E[ε given xt], what a perfect noise predictor answers, [N, D]
  readonly score: Float32Array // gradient of the log density, −E[ε given xt] / √(1 − ᾱ), [N, D]
  readonly variance: Float64Array // of x0 given xt, the mean over the axes, [N]
}

/** Data whose density, score and best denoiser are known at every noise level. */
export interface GaussianMixture {
  readonly components: readonly Component[]
  readonly dimensions: number // D
  /** Points [N, D]. */
  sample(random: RandomStream, count: number): Float32Array
  /** At a noise level; ᾱ = 1 is the data itself, whose ε is 0. */
  moments(xt: Float32Array, alphaBar: number): Moments
}

/**
 * A mixture of round Gaussians. Noise turns it into another such mixture, of means √ᾱ μ and variances ᾱ σ² + 1 − ᾱ, so
 * that Bayes' rule gives all that a diffusion model has to learn. Throws TubeletError('usage') where the components do
 * not fit each other.
 */
export function gaussianMixture(components: readonly Component[]): GaussianMixture {
  const D = components[0]?.mean.length ?? 0
  if (D === 0 || components.some(({ mean, weight, deviation }) => mean.length !== D || !(weight > 0 && deviation > 0)))
    throw new TubeletError(
      'usage',
      'gaussianMixture: every component needs a mean of as many numbers, and a weight and a deviation above 0',
    )
  const total = components.reduce((sum, { weight }) => sum + weight, 0)
  const list = components.map((one) => ({ ...one, weight: one.weight / total }))
  return {
    components: list,
    dimensions: D,
    sample(random, count) {
      const [places, noise] = [random.uniform(count), random.normal(count * D)]
      const points = new Float32Array(count * D)
      for (let n = 0; n < count; n++) {
        let k = 0
        for (let left = places[n]; k < list.length - 1 && left >= list[k].weight; k++) left -= list[k].weight
        const { mean, deviation } = list[k]
        for (let d = 0; d < D; d++) points[n * D + d] = mean[d] + deviation * noise[n * D + d]
      }
      return points
    },
    moments(xt, alphaBar) {
      const count = xt.length / D
      const found = {
        logDensity: new Float64Array(count),
        x0: new Float32Array(xt.length),
        eps: new Float32Array(xt.length),
        score: new Float32Array(xt.length),
        variance: new Float64Array(count),
      }
      for (let n = 0; n < count; n++) pointMoments(list, xt.subarray(n * D, (n + 1) * D), { alphaBar, n, found })
      return found
    },
  }
}

/** Hills of one deviation, evenly on a circle in the plane around 0; every second one has twice the weight. */
export const hillsOnCircle = (hills: number): Component[] =>
  Array.from({ length: hills }, (_, k) => {
    const angle = (2 * Math.PI * k) / hills
    return { weight: 1 + (k % 2), mean: [0.8 * Math.cos(angle), 0.8 * Math.sin(angle)], deviation: 0.06 }
  })

interface Place {
  readonly alphaBar: number
  readonly n: number
  readonly found: Moments
}

/** Writes what is known of one point [D]. */
function pointMoments(components: readonly Component[], xt: Float32Array, { alphaBar, n, found }: Place) {
  const D = xt.length
  const a = Math.sqrt(alphaBar)
  const noisy = components.map(({ deviation }) => alphaBar * deviation ** 2 + 1 - alphaBar) // variances of xt
  const logs = components.map(({ weight, mean }, k) => {
    const square = mean.reduce((sum, m, d) => sum + (xt[d] - a * m) ** 2, 0)
    return Math.log(weight) - 0.5 * D * Math.log(2 * Math.PI * noisy[k]) - square / (2 * noisy[k])
  })
  const most = Math.max(...logs)
  const shares = logs.map((log) => Math.exp(log - most)) // Bayes: how likely each component is, given xt
  const sum = shares.reduce((x, y) => x + y)
  found.logDensity[n] = most + Math.log(sum)
  let variance = 0
  for (let d = 0; d < D; d++) {
    let [first, second, slope] = [0, 0, 0]
    for (const [k, { mean, deviation }] of components.entries()) {
      const share = shares[k] / sum
      const pull = (a * deviation ** 2) / noisy[k]
      const x0 = mean[d] + pull * (xt[d] - a * mean[d])
      first += share * x0
      second += share * (x0 ** 2 + (deviation ** 2 * (1 - alphaBar)) / noisy[k])
      slope -= (share * (xt[d] - a * mean[d])) / noisy[k]
    }
    found.x0[n * D + d] = first
    found.score[n * D + d] = slope
    found.eps[n * D + d] = -slope * Math.sqrt(1 - alphaBar)
    variance += second - first ** 2
  }
  found.variance[n] = variance / D
}
