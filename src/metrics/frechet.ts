import { TubeletError } from '../errors.ts'
import { stream } from '../random.ts'
import { type BootstrapOptions, type Estimate, interval, resample } from './bootstrap.ts'
import { type Features, pairsOf, rowsAt, widthOf } from './features.ts'
import { symmetricEigen } from './symmetric-eigen.ts'

/** Mean [d] and covariance [d, d] of features. */
export interface Gaussian {
  readonly mean: Float64Array
  readonly covariance: Float64Array
}

/** Mean and unbiased covariance of at least two rows of features. */
export function gaussianOf(rows: Features): Gaussian {
  const d = widthOf('frechet', rows)
  if (rows.length < 2) throw new TubeletError('usage', `frechet: at least two samples are needed (got ${rows.length})`)
  const mean = new Float64Array(d)
  for (const row of rows) for (let i = 0; i < d; i++) mean[i] += row[i] / rows.length
  const covariance = new Float64Array(d * d)
  const off = new Float64Array(d)
  for (const row of rows) {
    for (let i = 0; i < d; i++) off[i] = (row[i] - mean[i]) / Math.sqrt(rows.length - 1)
    for (let i = 0; i < d; i++) for (let j = 0; j <= i; j++) covariance[i * d + j] += off[i] * off[j]
  }
  for (let i = 0; i < d; i++) for (let j = 0; j < i; j++) covariance[j * d + i] = covariance[i * d + j]
  return { mean, covariance }
}

/**
 * The Fréchet distance of Gaussians, |m₁ − m₂|² + tr(C₁ + C₂ − 2 (C₁^½ C₂ C₁^½)^½) (Dowson & Landau 1982; Heusel et al.
 * 2017, equation 6), from a fixed one: its root is computed once. Singular covariances are welcome.
 */
export function frechetFrom(reference: Gaussian): (other: Gaussian) => number {
  const d = reference.mean.length
  const root = squareRoot(reference.covariance, d)
  return ({ mean, covariance }) => {
    if (mean.length !== d)
      throw new TubeletError('usage', `frechet: both sides must have as many features (got ${d} and ${mean.length})`)
    const { values } = symmetricEigen(product(product(root, covariance, d), root, d), d)
    let distance = 0
    for (let i = 0; i < d; i++) {
      distance += (reference.mean[i] - mean[i]) ** 2
      distance += reference.covariance[i * d + i] + covariance[i * d + i]
      distance -= 2 * Math.sqrt(Math.max(0, values[i])) // below zero by rounding only
    }
    return Math.max(0, distance)
  }
}

/**
 * Fréchet distance of two sets of features, each at least two rows. Of finite sets it comes out too large, by about
 * 1 / count (Chong & Forsyth 2020), and the more so the fewer samples there are for each feature: compare figures of
 * equal counts only, or use `frechetInfinity`.
 */
export const frechet = (a: Features, b: Features): number => frechetFrom(gaussianOf(a))(gaussianOf(b))

/** A Fréchet distance: as it is for so many samples, and as it would be for endlessly many. */
export interface FrechetEstimate {
  readonly plain: Estimate
  readonly infinite: Estimate
}

/**
 * Fréchet distance with 95 % intervals of two sets whose rows i belong together, such as the drawn and the real clip of
 * a label. `infinite` is where a line through the distances of subsets, over 1 / count, meets 0 (Chong & Forsyth 2020,
 * section 4.1); NaN for fewer than 16 pairs.
 */
export function frechetEstimate(
  a: Features,
  b: Features,
  { seed, resamples = 100 }: BootstrapOptions,
): FrechetEstimate {
  const count = pairsOf('frechet', a, b)
  const at = (indices: Uint32Array) => frechet(rowsAt(a, indices), rowsAt(b, indices))
  const figures = resample(count, at, { seed, resamples })
  const plain = frechet(a, b)
  const nothing = { value: Number.NaN, low: Number.NaN, high: Number.NaN }
  return {
    plain: interval(plain, figures, 'centred'),
    infinite: count < 16 ? nothing : { ...interval(plain, figures, 'basic'), value: extrapolate(count, at, seed) },
  }
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

/** The square root of a covariance [d, d]: V √λ Vᵀ. */
function squareRoot(matrix: Float64Array, d: number): Float64Array {
  const { values, vectors } = symmetricEigen(matrix, d, { vectors: true })
  const half = new Float64Array(d * d) // rows λ^¼ v, so that the root is symmetric to the last bit
  for (let k = 0; k < d; k++) {
    const scale = Math.max(0, values[k]) ** 0.25
    for (let i = 0; i < d; i++) half[k * d + i] = scale * vectors![k * d + i]
  }
  const root = new Float64Array(d * d)
  for (let k = 0; k < d; k++)
    for (let i = 0; i < d; i++) {
      const x = half[k * d + i]
      if (x !== 0) for (let j = 0; j < d; j++) root[i * d + j] += x * half[k * d + j]
    }
  return root
}

/** a b, all [d, d]. */
function product(a: Float64Array, b: Float64Array, d: number): Float64Array {
  const c = new Float64Array(d * d)
  for (let i = 0; i < d; i++)
    for (let k = 0; k < d; k++) {
      const x = a[i * d + k]
      if (x !== 0) for (let j = 0; j < d; j++) c[i * d + j] += x * b[k * d + j]
    }
  return c
}
