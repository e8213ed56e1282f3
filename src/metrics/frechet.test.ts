import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stream } from '../random.ts'
import { frechet, frechetEstimate, gaussianDistance, gaussianOf } from './frechet.ts'

/** Rows of normal numbers with the given deviations and means. */
function drawn(count: number, seed: number, { sd, mean }: { sd: readonly number[]; mean: readonly number[] }) {
  const z = stream({ seed, purpose: 'frechet test' }).normal(count * sd.length)
  return Array.from({ length: count }, (_, r) => Float64Array.from(sd, (s, i) => mean[i] + s * z[r * sd.length + i]))
}

/** FᵀF */
const covariance = (factor: readonly Float64Array[], d: number) =>
  Array.from({ length: d * d }, (_, i) => factor.reduce((sum, row) => sum + row[Math.floor(i / d)] * row[i % d], 0))

test('mean and covariance are those of plain loops, with more and with fewer samples than features', () => {
  const samples = [
    [1, 2, 0],
    [3, 1, 1],
    [2, 6, 5],
    [0, 3, 2],
    [5, 5, 5],
  ]
  for (const rows of [
    samples,
    samples.slice(0, 2),
    samples.map(([x]) => [x, 2 * x, -x]),
    samples.map(() => [1, 1, 1]),
  ]) {
    const { mean, factor } = gaussianOf(rows)
    const n = rows.length
    const want = [0, 1, 2].map((i) => rows.reduce((sum, row) => sum + row[i], 0) / n)
    for (let i = 0; i < 3; i++) assert.ok(Math.abs(mean[i] - want[i]) < 1e-12)
    covariance(factor, 3).forEach((value, at) => {
      const [i, j] = [Math.floor(at / 3), at % 3]
      const product = rows.reduce((sum, row) => sum + (row[i] - want[i]) * (row[j] - want[j]), 0) / (n - 1)
      assert.ok(Math.abs(value - product) < 1e-12, `${n} rows: [${i}, ${j}] is ${value}, not ${product}`)
    })
  }
})

test('the distance of normal distributions is exact where a formula exists', () => {
  // Commuting covariances: |m|² + Σ (√λ − √μ)².
  const diagonal = (...values: number[]) =>
    values.map((value, i) => Float64Array.from(values, (_, j) => (i === j ? Math.sqrt(value) : 0)))
  const a = { mean: Float64Array.of(1, 0, -2), factor: diagonal(4, 9, 0) }
  const b = { mean: Float64Array.of(0, 0, 1), factor: diagonal(1, 16, 25) }
  assert.ok(Math.abs(gaussianDistance(a, b) - (1 + 9 + 1 + 1 + 25)) < 1e-9)
  assert.ok(Math.abs(gaussianDistance(b, a) - gaussianDistance(a, b)) < 1e-9)
  // Two dimensions: tr (A B)^½ = √(tr AB + 2 √(det A det B)).
  const zero = Float64Array.of(0, 0)
  const [one, two] = [
    { mean: zero, factor: [Float64Array.of(1, 0.5), Float64Array.of(-1, 0.5)] },
    { mean: zero, factor: [Float64Array.of(1, -0.3), Float64Array.of(0, 1.7), Float64Array.of(0.2, 0.1)] },
  ]
  const [A, B] = [covariance(one.factor, 2), covariance(two.factor, 2)]
  const det = (m: number[]) => m[0] * m[3] - m[1] * m[2]
  const trace = A[0] * B[0] + A[1] * B[2] + A[2] * B[1] + A[3] * B[3]
  const want = A[0] + A[3] + B[0] + B[3] - 2 * Math.sqrt(trace + 2 * Math.sqrt(det(A) * det(B)))
  assert.ok(Math.abs(gaussianDistance(one, two) - want) < 1e-9)
})

test('a set is at distance 0 from itself and at |shift|² from itself moved, even with fewer samples than features', () => {
  const rows = drawn(9, 1, { sd: new Array(20).fill(1), mean: new Array(20).fill(0) })
  assert.ok(frechet(rows, rows) < 1e-6)
  const moved = rows.map((row) => row.map((x) => x + 0.5))
  assert.ok(Math.abs(frechet(rows, moved) - 20 * 0.25) < 1e-6)
})

test('turning all features alike changes nothing', () => {
  const options = { sd: [1, 2, 0.5], mean: [0, 1, 2] }
  const [a, b] = [drawn(40, 1, options), drawn(40, 2, { ...options, sd: [2, 1, 1] })]
  const turn = ([x, y, z]: ArrayLike<number> & Iterable<number>) => [0.6 * x - 0.8 * y, 0.8 * x + 0.6 * y, z]
  assert.ok(Math.abs(frechet(a, b) - frechet(a.map(turn), b.map(turn))) < 1e-9)
})

test('the extrapolation takes most of the bias away, and its interval holds the true distance', () => {
  const d = 12
  const near = { sd: Array.from({ length: d }, (_, i) => 1 / Math.sqrt(i + 1)), mean: new Array(d).fill(0) }
  const far = { sd: near.sd.map((s) => 1.2 * s), mean: near.sd.map((s) => 0.4 * s) }
  const truth = near.sd.reduce((sum, s) => sum + (0.2 * s) ** 2 + (0.4 * s) ** 2, 0)
  let [plainError, error, held] = [0, 0, 0]
  const runs = 12
  for (let seed = 1; seed <= runs; seed++) {
    const found = frechetEstimate(drawn(120, seed, near), drawn(120, seed + 100, far), { seed })
    plainError += (found.plain.value - truth) / runs
    error += (found.infinite.value - truth) / runs
    if (found.infinite.low <= truth && truth <= found.infinite.high) held++
    assert.ok(found.plain.low < found.plain.value && found.plain.value < found.plain.high)
  }
  assert.ok(plainError > 0.05, `the plain distance is ${plainError} too large`)
  assert.ok(Math.abs(error) < plainError / 3, `the extrapolated one is ${error} off, the plain one ${plainError}`)
  assert.ok(held >= runs - 3, `the truth is in ${held} of ${runs} intervals`)
})

test('equal pairs are at distance 0 at every count; too few of them cannot be extrapolated', () => {
  const rows = drawn(20, 5, { sd: [1, 1], mean: [0, 0] })
  const { plain, infinite } = frechetEstimate(rows, rows, { seed: 0, resamples: 10 })
  for (const value of [plain.value, plain.low, plain.high, infinite.value]) assert.ok(Math.abs(value) < 1e-6)
  assert.ok(Number.isNaN(frechetEstimate(rows.slice(0, 15), rows.slice(0, 15), { seed: 0 }).infinite.value))
})

test('sets that cannot be compared are refused', () => {
  assert.throws(() => frechet([[1, 2]], [[1, 2]]), /at least two samples are needed \(got 1\)/)
  assert.throws(
    () =>
      frechet(
        [[1], [2]],
        [
          [1, 2],
          [2, 3],
        ],
      ),
    /both sides must have as many features \(got 1 and 2\)/,
  )
  assert.throws(() => gaussianOf([[1], [1, 2]]), /as many features as the first \(got 1 and 2\)/)
  assert.throws(() => frechetEstimate([[1], [2]], [[1]], { seed: 0 }), /as many samples \(got 2 and 1\)/)
})
