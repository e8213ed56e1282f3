import { TubeletError } from '../errors.ts'
import { stream } from '../random.ts'

/** A figure and the interval that its true value lies in with some confidence; NaN where too few samples tell nothing. */
export interface Estimate {
  readonly value: number
  readonly low: number
  readonly high: number
}

/** How samples are drawn again. */
export interface BootstrapOptions {
  readonly seed: number
  readonly resamples?: number // default 1000
}

const level = 0.95

/** Figures of as many samples, drawn with replacement; `statistic` is given their indices. */
export function resample(
  count: number,
  statistic: (indices: Uint32Array) => number,
  { seed, resamples = 1000 }: BootstrapOptions,
): Float64Array {
  return Float64Array.from({ length: resamples }, (_, step) => {
    const drawn = stream({ seed, purpose: 'bootstrap', step }).uniform(count)
    return statistic(Uint32Array.from(drawn, (u) => Math.floor(u * count)))
  })
}

/** The value below which a share of sorted values lies, linear between neighbours; NaN where one is not a number. */
function quantile(sorted: Float64Array, share: number): number {
  if (Number.isNaN(sorted[sorted.length - 1])) return Number.NaN // sorting puts them last
  const at = share * (sorted.length - 1)
  const [below, above] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]]
  return below === above ? below : below + (at % 1) * (above - below) // two infinite ones have no difference
}

/**
 * A figure over `count` samples with its 95 % interval by percentiles (Efron & Tibshirani 1993, An Introduction to the
 * Bootstrap, section 13.3); NaN as the interval of a single sample.
 */
export function bootstrap(
  count: number,
  statistic: (indices: Uint32Array) => number,
  options: BootstrapOptions,
): Estimate {
  if (!Number.isInteger(count) || count < 1)
    throw new TubeletError('usage', `bootstrap: at least one sample is needed (got ${count})`)
  const value = statistic(Uint32Array.from({ length: count }, (_, i) => i))
  if (count < 2) return { value, low: Number.NaN, high: Number.NaN }
  const figures = resample(count, statistic, options).sort()
  return { value, low: quantile(figures, (1 - level) / 2), high: quantile(figures, (1 + level) / 2) }
}

/** The mean of some values with its interval. */
export const meanEstimate = (values: ArrayLike<number>, options: BootstrapOptions): Estimate =>
  bootstrap(values.length, (indices) => sumAt(values, indices) / indices.length, options)

/** Σ a / Σ b over pairs with its interval: large pairs count for more. */
export const ratioEstimate = (a: ArrayLike<number>, b: ArrayLike<number>, options: BootstrapOptions): Estimate =>
  bootstrap(a.length, (indices) => sumAt(a, indices) / sumAt(b, indices), options)

function sumAt(values: ArrayLike<number>, indices: Uint32Array): number {
  let sum = 0
  for (const i of indices) sum += values[i]
  return sum
}
