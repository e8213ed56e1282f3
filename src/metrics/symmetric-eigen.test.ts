import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { generator } from '../../test/draw.ts'
import { symmetricEigen } from './symmetric-eigen.ts'

const ascending = (values: Float64Array) => Float64Array.from(values).sort()

/** A symmetric matrix of numbers in [−1, 1), times `scale`. */
function drawnMatrix(n: number, seed: number, scale = 1): Float64Array {
  const uniform = generator(seed)
  const a = new Float64Array(n * n)
  for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) a[i * n + j] = a[j * n + i] = scale * (2 * uniform() - 1)
  return a
}

test('the vectors are orthonormal and V λ Vᵀ is the matrix, for every size and scale', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 24 }), fc.nat(), fc.integer({ min: -6, max: 6 }), (n, seed, power) => {
      const scale = 10 ** power
      const a = drawnMatrix(n, seed, scale)
      const { values, vectors } = symmetricEigen(a, n, { vectors: true })
      for (let i = 0; i < n; i++)
        for (let j = 0; j < n; j++) {
          let [back, product] = [0, 0]
          for (let k = 0; k < n; k++) {
            back += values[k] * vectors![k * n + i] * vectors![k * n + j]
            product += vectors![i * n + k] * vectors![j * n + k]
          }
          assert.ok(Math.abs(back - a[i * n + j]) < 1e-13 * n * scale, `${n} ${seed}: [${i}, ${j}]`)
          assert.ok(Math.abs(product - (i === j ? 1 : 0)) < 1e-13 * n, `${n} ${seed}: v${i} v${j}`)
        }
    }),
    { numRuns: 60 },
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
  ascending(symmetricEigen(laplacian, n).values).forEach((value, k) => {
    assert.ok(Math.abs(value - want[k]) < 1e-13, `${k}`)
  })
  const ones = ascending(symmetricEigen(new Float64Array(49).fill(1), 7).values)
  assert.ok(Math.abs(ones[6] - 7) < 1e-13)
  assert.ok(Math.max(...ones.subarray(0, 6).map(Math.abs)) < 1e-13)
  assert.deepEqual([...ascending(symmetricEigen(Float64Array.of(3, 0, 0, 0, 5, 0, 0, 0, 3), 3).values)], [3, 3, 5])
  assert.deepEqual([...symmetricEigen(new Float64Array(16), 4).values], [0, 0, 0, 0])
})

test('the values do not depend on whether vectors are asked for, and the matrix stays as it was', () => {
  const a = drawnMatrix(17, 3)
  const before = Float64Array.from(a)
  assert.deepEqual(symmetricEigen(a, 17).values, symmetricEigen(a, 17, { vectors: true }).values)
  assert.deepEqual(a, before)
})

test('a matrix that holds no number is refused instead of being turned for ever', () => {
  assert.throws(() => symmetricEigen(Float64Array.of(1, Number.NaN, Number.NaN, 1), 2), /must hold numbers only/)
  assert.throws(() => symmetricEigen(Float64Array.of(Number.POSITIVE_INFINITY), 1), /must hold numbers only/)
})
