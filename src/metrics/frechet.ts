import { TubeletError } from '../errors.ts'
import { stream } from '../random.ts'
import { type BootstrapOptions, type Estimate, resample } from './bootstrap.ts'
import { eigenvalues } from './eigenvalues.ts'
import { dot, type Features, pairsOf, rowsAt, widthOf } from './features.ts'

/** A normal distribution: its mean [d] and rows F [r, d] of which FᵀF is the covariance. */
export interface Gaussian {
  readonly mean: Float64Array
  readonly factor: readonly Float64Array[]
}

/** Mean and unbiased covariance of at least two rows of features. */
export function gaussianOf(rows: Features): Gaussian {
  const d = widthOf('frechet', rows)
  if (rows.length < 2) throw new TubeletError('usage', `frechet: at least two samples are needed (got ${rows.length})`)
  const mean = new Float64Array(d)
  for (const row of rows) for (let i = 0; i < d; i++) mean[i] += row[i] / rows.length
  const scale = 1 / Math.sqrt(rows.length - 1)
  const centred = rows.map((row) => mean.map((m, i) => (row[i] - m) * scale))
  return { mean, factor: rows.length <= d ? centred : triangle(centred, d) }
}

/** Rows F [n, d] with n > d → R [d, d], upper triangular, with RᵀR = FᵀF (Cholesky); what is singular leaves rows of 0. */
function triangle(rows: readonly Float64Array[], d: number): Float64Array[] {
  const product = Array.from({ length: d }, () => new Float64Array(d)) // its upper half
  for (const row of rows) for (let i = 0; i < d; i++) for (let j = i; j < d; j++) product[i][j] += row[i] * row[j]
  const least = 1e-14 * Math.max(...product.map((row, i) => row[i]))
  return product.map((row, k) => {
    const root = Math.sqrt(row[k])
    const made = row[k] > least ? row.map((x, j) => (j < k ? 0 : x / root)) : new Float64Array(d)
    for (let i = k + 1; i < d; i++) for (let j = i; j < d; j++) product[i][j] -= made[i] * made[j]
    return made
  })
}

/**
 * The Fréchet distance of normal distributions, |m₁ − m₂|² + tr(C₁ + C₂ − 2 (C₁ C₂)^½) (Dowson & Landau 1982; Heusel et
 * al. 2017, equation 6). With C = FᵀF the last trace is the sum of the singular values of F₁F₂ᵀ, so that covariances may
 * be singular and few samples are quick.
 */
export function gaussianDistance(a: Gaussian, b: Gaussian): number {
  if (a.mean.length !== b.mean.length)
    throw new TubeletError(
      'usage',
      `frechet: both sides must have as many features (got ${a.mean.length} and ${b.mean.length})`,
    )
  const [small, large] = a.factor.length < b.factor.length ? [a, b] : [b, a]
  const n = small.factor.length
  const joint = small.factor.map((row) => large.factor.map((other) => dot(row, other)))
  const gram = Float64Array.from({ length: n * n }, (_, i) => dot(joint[Math.floor(i / n)], joint[i % n]))
  // Below zero by rounding only.
  const overlap = eigenvalues(gram, n).reduce((sum, value) => sum + Math.sqrt(Math.max(0, value)), 0)
  const trace = ({ factor }: Gaussian) => factor.reduce((sum, row) => sum + dot(row, row), 0)
  const shift = a.mean.reduce((sum, m, i) => sum + (m - b.mean[i]) ** 2, 0)
  return Math.max(0, shift + trace(a) + trace(b) - 2 * overlap)
}

/**
 * Fréchet distance of two sets of features, each at least two rows. Of finite sets it comes out too large, by about
 * 1 / count (Chong & Forsyth 2020), and the more so the fewer samples there are for each feature: compare figures of
 * equal counts only, or use `infinite` of `frechetEstimate`.
 */
export const frechet = (a: Features, b: Features): number => gaussianDistance(gaussianOf(a), gaussianOf(b))

/** A Fréchet distance: as it is for so many samples, and as it would be for endlessly many. */
export interface FrechetEstimate {
  readonly plain: Estimate
  readonly infinite: Estimate
}

/**
 * Fréchet distance with 95 % intervals of two sets whose rows i belong together, such as the drawn and the real clip of
 * a label. `infinite` is where a line through the distances of subsets, over 1 / count, meets 0 (Chong & Forsyth 2020,
 * section 4.1); NaN for fewer than 16 pairs. The widths are ±1.96 deviations of bootstrap resamples; of these the means
 * are no use, as drawing a pair twice makes the distance larger.
 */
export function frechetEstimate(a: Features, b: Features, { seed, resamples = 60 }: BootstrapOptions): FrechetEstimate {
  const count = pairsOf('frechet', a, b)
  const at = (indices: Uint32Array) => frechet(rowsAt(a, indices), rowsAt(b, indices))
  const whole = Uint32Array.from({ length: count }, (_, i) => i)
  const plain = around(at(whole), resample(count, at, { seed, resamples }))
  if (count < 16) return { plain, infinite: { value: Number.NaN, low: Number.NaN, high: Number.NaN } }
  // The same line through two points, all of the samples and half of them, is quick enough to be drawn again.
  const half = count >> 1
  const short = (indices: Uint32Array) => {
    const [full, part] = [at(indices), at(indices.subarray(0, half))]
    return full - ((part - full) * half) / (count - half)
  }
  return { plain, infinite: around(extrapolate(count, at, seed), resample(count, short, { seed, resamples })) }
}

/** The normal interval of a value from the spread of figures. */
function around(value: number, figures: Float64Array): Estimate {
  const mean = figures.reduce((x, y) => x + y) / figures.length
  const variance = figures.reduce((sum, figure) => sum + (figure - mean) ** 2, 0) / (figures.length - 1)
  const width = 1.96 * Math.sqrt(variance)
  return { value, low: value - width, high: value + width }
}

/** The least-squares line through the figures of subsets of a quarter to all of the samples, at 1 / count = 0. */
function extrapolate(count: number, at: (indices: Uint32Array) => number, seed: number): number {
  const points = Array.from({ length: 12 }, (_, k) => {
    const size = Math.round((count * (k + 4)) / 15)
    return { x: 1 / size, y: at(stream({ seed, purpose: 'subset', step: k }).permutation(count).subarray(0, size)) }
  })
  const centre = (of: 'x' | 'y') => points.reduce((sum, point) => sum + point[of], 0) / points.length
  const [x, y] = [centre('x'), centre('y')]
  const [joint, spread] = points.reduce(
    ([j, s], point) => [j + (point.x - x) * (point.y - y), s + (point.x - x) ** 2],
    [0, 0],
  )
  return y - (joint / spread) * x
}
