import { TubeletError } from '../errors.ts'

/** A tridiagonal matrix; `side[i]` couples i and i + 1. */
interface Tridiagonal {
  readonly diagonal: Float64Array
  readonly side: Float64Array
}

/**
 * Eigenvalues of a symmetric matrix [n, n], in no order, by Householder reflections and implicit QR steps (Golub & Van
 * Loan, Matrix Computations, algorithms 8.3.1 and 8.3.3); errors are about 1e-16 of the largest one. Throws
 * TubeletError('numeric') where the matrix holds something that is not a number.
 */
export function eigenvalues(matrix: Float64Array, n: number): Float64Array {
  if (!matrix.every(Number.isFinite))
    throw new TubeletError('numeric', 'eigenvalues: the matrix must hold numbers only')
  const reduced = tridiagonalize(Float64Array.from(matrix), n)
  diagonalize(reduced, n)
  return reduced.diagonal
}

/** Reflects column after column onto its first entry below the diagonal; overwrites `a`. */
function tridiagonalize(a: Float64Array, n: number): Tridiagonal {
  const side = new Float64Array(n)
  const v = new Float64Array(n) // of the reflection 1 - beta v vᵀ
  for (let k = 0; k < n - 2; k++) {
    let square = 0
    for (let i = k + 1; i < n; i++) {
      v[i] = a[i * n + k]
      square += v[i] * v[i]
    }
    const norm = Math.sqrt(square)
    side[k] = v[k + 1] > 0 ? -norm : norm
    const beta = 1 / (square - side[k] * v[k + 1])
    if (!Number.isFinite(beta)) continue // the column is zero already
    v[k + 1] -= side[k]
    reflect(a, { n, first: k + 1, v, beta })
  }
  if (n > 1) side[n - 2] = a[(n - 1) * n + n - 2]
  return { diagonal: Float64Array.from({ length: n }, (_, i) => a[i * n + i]), side }
}

interface Reflection {
  readonly n: number
  readonly first: number // v is zero before it
  readonly v: Float64Array
  readonly beta: number
}

/** a ← H a H for the rows and columns from `first` on, as a - v wᵀ - w vᵀ. */
function reflect(a: Float64Array, { n, first, v, beta }: Reflection) {
  const w = new Float64Array(n)
  let along = 0
  for (let i = first; i < n; i++) {
    let sum = 0
    for (let j = first; j < n; j++) sum += a[i * n + j] * v[j]
    w[i] = beta * sum
    along += w[i] * v[i]
  }
  for (let i = first; i < n; i++) w[i] -= (beta / 2) * along * v[i]
  for (let i = first; i < n; i++) for (let j = first; j < n; j++) a[i * n + j] -= v[i] * w[j] + w[i] * v[j]
}

/** Turns until nothing is left beside the diagonal; overwrites the matrix. */
function diagonalize({ diagonal: d, side: e }: Tridiagonal, n: number) {
  const small = (i: number) => Math.abs(e[i]) <= Number.EPSILON * (Math.abs(d[i]) + Math.abs(d[i + 1])) + 1e-300
  let steps = 0
  for (let end = n - 1; end > 0; ) {
    let start = end
    while (start > 0 && !small(start - 1)) start--
    if (start === end) {
      end--
      continue
    }
    if (steps++ > 60 * n) throw new TubeletError('numeric', 'eigenvalues: the iteration does not converge')
    qrStep({ diagonal: d, side: e }, start, end)
  }
}

/** One implicit QR step with Wilkinson's shift on the block from `start` to `end`. */
function qrStep({ diagonal: d, side: e }: Tridiagonal, start: number, end: number) {
  const half = (d[end - 1] - d[end]) / 2
  const last = e[end - 1]
  const root = Math.sqrt(half * half + last * last)
  const shift = d[end] - (last * last) / (half + (half < 0 ? -root : root))
  let [x, z] = [d[start] - shift, e[start]]
  for (let k = start; k < end; k++) {
    const r = Math.sqrt(x * x + z * z)
    const [c, s] = r === 0 ? [1, 0] : [x / r, z / r]
    if (k > start) e[k - 1] = r
    const [a, b, g] = [d[k], e[k], d[k + 1]]
    d[k] = c * c * a + 2 * c * s * b + s * s * g
    d[k + 1] = s * s * a - 2 * c * s * b + c * c * g
    e[k] = c * s * (g - a) + (c * c - s * s) * b
    if (k < end - 1) {
      x = e[k]
      z = s * e[k + 1]
      e[k + 1] *= c
    }
  }
}
