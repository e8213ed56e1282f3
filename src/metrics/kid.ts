import { TubeletError } from '../errors.ts'
import { stream } from '../random.ts'
import type { Estimate } from './bootstrap.ts'
import { dot, type Features, pairsOf, rowsAt, widthOf } from './features.ts'

/**
 * Kernel distance (KID) of two sets of features whose rows i belong together, such as the drawn and the real clip of a
 * label: the squared maximum mean discrepancy under the kernel (xᵀy / d + 1)³ (Bińkowski et al. 2018, section 4), with
 * pairs of one label left out of the cross term (Gretton et al. 2012, equation 4), as they are no independent draws.
 * Unbiased, so that it may be below 0; near 0 for equal distributions.
 */
export function kid(a: Features, b: Features): number {
  if (pairsOf('kid', a, b) < 2)
    throw new TubeletError('usage', `kid: at least two samples a side are needed (got ${a.length})`)
  const kernel = polynomial(a, b)
  return withoutDiagonal(a, a, kernel) + withoutDiagonal(b, b, kernel) - 2 * withoutDiagonal(a, b, kernel)
}

/**
 * KID with a 95 % interval: the distances of disjoint blocks are independent, and Student's t of their mean gives the
 * width (Bińkowski et al. 2018, appendix B.3, takes blocks too). NaN as interval of fewer than 10 pairs.
 */
export function kidEstimate(a: Features, b: Features, { seed }: { seed: number }): Estimate {
  const count = a.length
  const value = kid(a, b)
  if (count < 10) return { value, low: Number.NaN, high: Number.NaN }
  const blocks = Math.max(5, Math.floor(count / 50))
  const order = stream({ seed, purpose: 'blocks' }).permutation(count)
  const figures = Array.from({ length: blocks }, (_, i) => {
    const at = order.subarray(Math.floor((i * count) / blocks), Math.floor(((i + 1) * count) / blocks))
    return kid(rowsAt(a, at), rowsAt(b, at))
  })
  const mean = figures.reduce((x, y) => x + y) / blocks
  const variance = figures.reduce((sum, figure) => sum + (figure - mean) ** 2, 0) / (blocks - 1)
  const half = studentT(blocks - 1) * Math.sqrt(variance / blocks)
  return { value, low: value - half, high: value + half }
}

type Kernel = (x: ArrayLike<number>, y: ArrayLike<number>) => number

function polynomial(a: Features, b: Features): Kernel {
  const d = widthOf('kid', [...a, ...b])
  return (x, y) => (dot(x, y) / d + 1) ** 3
}

/** The mean over pairs of different rows. */
function withoutDiagonal(a: Features, b: Features, kernel: Kernel): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) for (let j = 0; j < b.length; j++) if (i !== j) sum += kernel(a[i], b[j])
  return sum / (a.length * (a.length - 1))
}

/** The 97.5 % point of Student's t for 4 degrees of freedom or more, to 1e-3 (Abramowitz & Stegun 26.7.5). */
function studentT(freedom: number): number {
  const z = 1.959963984540054
  const terms = [
    (z ** 3 + z) / 4,
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96,
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384,
    (79 * z ** 9 + 776 * z ** 7 + 1482 * z ** 5 - 1920 * z ** 3 - 945 * z) / 92160,
  ]
  return terms.reduce((t, term, i) => t + term / freedom ** (i + 1), z)
}
