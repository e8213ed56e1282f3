import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { generator } from '../../test/draw.ts'
import { eigenvalues } from './eigenvalues.ts'

const sorted = (matrix: Float64Array, n: number) => eigenvalues(matrix, n).sort()

/** Q λ Qᵀ with a random orthogonal Q, a product of reflections. */
function withSpectrum(values: readonly number[], seed: number): Float64Array {
  const n = values.length
  const uniform = generator(seed)
  let a = Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => (i === j ? values[i] : 0)))
  for (let k = 0; k < 3; k++) {
    const v = Array.from({ length: n }, () => 2 * uniform() - 1)
    const square = v.reduce((sum, x) => sum + x * x, 0)
    const turn = (m: number[][]) =>
      m.map((row) => {
        const along = (2 * row.reduce((sum, x, j) => sum + x * v[j], 0)) / square
        return row.map((x, j) => x - along * v[j])
      })
    const turned = turn(a)
    a = turn(turned[0].map((_, j) => turned.map((row) => row[j])))
  }
  const matrix = new Float64Array(n * n)
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) matrix[i * n + j] = (a[i][j] + a[j][i]) / 2
  return matrix
}

test('the values of a turned diagonal come back, for every size, scale and multiplicity', () => {
  const number = fc.integer({ min: -5, max: 5 })
  fc.assert(
    fc.property(
      fc.array(number, { minLength: 1, maxLength: 24 }),
      fc.nat(),
      fc.integer({ min: -6, max: 6 }),
      (values, seed, power) => {
        const scale = 10 ** power
        const want = values.map((value) => value * scale).sort((a, b) => a - b)
        sorted(
          withSpectrum(
            values.map((value) => value * scale),
            seed,
          ),
          values.length,
        ).forEach((value, i) => {
          assert.ok(Math.abs(value - want[i]) < 1e-12 * scale, `${value}, not ${want[i]}`)
        })
      },
    ),
    { numRuns: 100 },
  )
})

test('known spectra come out: 1-D Laplacian, rank one, a diagonal with equal values, zero', () => {
  const n = 40
  const laplacian = new Float64Array(n * n)
  for (let i = 0; i < n; i++) {
    laplacian[i * n + i] = 2
    if (i > 0) laplacian[i * n + i - 1] = laplacian[(i - 1) * n + i] = -1
  }
  const want = Array.from({ length: n }, (_, k) => 2 - 2 * Math.cos((Math.PI * (k + 1)) / (n + 1)))
  sorted(laplacian, n).forEach((value, k) => {
    assert.ok(Math.abs(value - want[k]) < 1e-13, `${k}`)
  })
  const ones = sorted(new Float64Array(49).fill(1), 7)
  assert.ok(Math.abs(ones[6] - 7) < 1e-13)
  assert.ok(Math.max(...ones.subarray(0, 6).map(Math.abs)) < 1e-13)
  assert.deepEqual([...sorted(Float64Array.of(3, 0, 0, 0, 5, 0, 0, 0, 3), 3)], [3, 3, 5])
  assert.deepEqual([...eigenvalues(new Float64Array(16), 4)], [0, 0, 0, 0])
})

test('the matrix stays as it was', () => {
  const matrix = withSpectrum([1, 2, 3], 1)
  const before = Float64Array.from(matrix)
  eigenvalues(matrix, 3)
  assert.deepEqual(matrix, before)
})

test('a matrix that holds no number is refused instead of being turned for ever', () => {
  assert.throws(() => eigenvalues(Float64Array.of(1, Number.NaN, Number.NaN, 1), 2), /must hold numbers only/)
  assert.throws(() => eigenvalues(Float64Array.of(Number.POSITIVE_INFINITY), 1), /must hold numbers only/)
})
