import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stream } from '../random.ts'
import { kid, kidEstimate } from './kid.ts'

const drawn = (count: number, d: number, { seed, shift = 0 }: { seed: number; shift?: number }) => {
  const z = stream({ seed, purpose: 'kid test' }).normal(count * d)
  return Array.from({ length: count }, (_, r) => z.slice(r * d, (r + 1) * d).map((x) => x + shift))
}

test('it is the formula of the paper, term by term', () => {
  const a = [
    [1, 2],
    [0, -1],
    [3, 1],
  ]
  const b = [
    [2, 2],
    [-1, 1],
    [0, 4],
  ]
  const k = (x: number[], y: number[]) => ((x[0] * y[0] + x[1] * y[1]) / 2 + 1) ** 3
  let want = 0
  for (const [i, j] of [
    [0, 1],
    [0, 2],
    [1, 2],
  ])
    want += (2 * k(a[i], a[j]) + 2 * k(b[i], b[j]) - 2 * k(a[i], b[j]) - 2 * k(a[j], b[i])) / 6
  assert.ok(Math.abs(kid(a, b) - want) < 1e-9)
})

test('it is unbiased: 0 on the mean over draws of one distribution, of pairs that resemble each other too', () => {
  let [same, alike, moved] = [0, 0, 0]
  for (let seed = 0; seed < 60; seed++) {
    const a = drawn(20, 4, { seed })
    const b = drawn(20, 4, { seed: seed + 1000 })
    same += kid(a, b) / 60
    // Half of each partner: normal numbers again, as 0.6² + 0.8² = 1, but no independent ones.
    alike +=
      kid(
        a,
        a.map((row, i) => row.map((x, j) => 0.6 * x + 0.8 * b[i][j])),
      ) / 60
    moved += kid(a, drawn(20, 4, { seed: seed + 1000, shift: 0.7 })) / 60
  }
  assert.ok(Math.abs(same) < 0.06, `${same}`)
  assert.ok(Math.abs(alike) < 0.06, `${alike}`)
  assert.ok(moved > 0.5, `${moved}`)
})

test('equal pairs are exactly 0 apart', () => {
  const a = drawn(40, 8, { seed: 1 })
  const { value, low, high } = kidEstimate(a, a, { seed: 0 })
  for (const figure of [value, low, high]) assert.ok(Math.abs(figure) < 1e-12)
})

test('the interval holds the mean of other draws about as often as it says', () => {
  const figures = Array.from({ length: 40 }, (_, seed) =>
    kidEstimate(drawn(100, 4, { seed }), drawn(100, 4, { seed: seed + 500, shift: 0.3 }), { seed }),
  )
  const mean = figures.reduce((sum, { value }) => sum + value, 0) / figures.length
  const held = figures.filter(({ low, high }) => low <= mean && mean <= high).length
  assert.ok(held >= 34, `${held} of 40`)
  const width = figures.reduce((sum, { low, high }) => sum + (high - low), 0) / figures.length
  assert.ok(width < 8 * mean, `an interval of ${width} around ${mean} would say nothing`)
})

test('few samples have no interval, and one has no distance', () => {
  const a = drawn(9, 3, { seed: 1 })
  assert.ok(Number.isNaN(kidEstimate(a, a, { seed: 0 }).low))
  assert.throws(() => kid([[1]], [[1]]), /at least two samples a side are needed \(got 1\)/)
  assert.throws(() => kidEstimate(a, a.slice(1), { seed: 0 }), /as many samples \(got 9 and 8\)/)
})
