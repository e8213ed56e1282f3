import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stream } from '../random.ts'
import { bootstrap, meanEstimate, ratioEstimate, resample } from './bootstrap.ts'

const normal = (count: number, seed: number) => stream({ seed, purpose: 'bootstrap test' }).normal(count)

test('the interval of a mean is about ± 1.96 s / √n, and holds the true mean about as often as it says', () => {
  let held = 0
  let width = 0
  for (let seed = 0; seed < 100; seed++) {
    const { low, high } = meanEstimate(normal(50, seed), { seed, resamples: 300 })
    if (low <= 0 && 0 <= high) held++
    width += (high - low) / 100
  }
  assert.ok(held >= 88 && held <= 99, `${held} of 100`)
  assert.ok(Math.abs(width - (2 * 1.96) / Math.sqrt(50)) < 0.04, `${width}`)
})

test('the same seed gives the same interval, another one a slightly different one', () => {
  const values = normal(40, 1)
  const once = meanEstimate(values, { seed: 7 })
  assert.deepEqual(meanEstimate(values, { seed: 7 }), once)
  const other = meanEstimate(values, { seed: 8 })
  assert.notEqual(other.low, once.low)
  assert.ok(Math.abs(other.low - once.low) < 0.1)
})

test('a ratio of sums weighs large pairs more than a mean of ratios would', () => {
  const { value, low, high } = ratioEstimate([1, 30], [2, 10], { seed: 0 })
  assert.equal(value, 31 / 12)
  assert.deepEqual([low, high], [0.5, 3]) // both pairs the same
})

test('resamples are as large as the sample, draw from all of it, and differ', () => {
  const seen = new Set<number>()
  const figures = resample(
    10,
    (indices) => {
      assert.equal(indices.length, 10)
      for (const i of indices) seen.add(i)
      return indices.reduce((a, b) => a + b)
    },
    { seed: 1, resamples: 50 },
  )
  assert.deepEqual([...seen].sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  assert.ok(new Set(figures).size > 20)
})

test('a figure that is no number for some resamples has no interval', () => {
  const { value, low, high } = bootstrap(5, (indices) => (indices.includes(3) ? Number.NaN : 1), { seed: 1 })
  assert.deepEqual([value, low, high], [Number.NaN, Number.NaN, Number.NaN])
})

test('a figure that is infinite for most resamples has an infinite end', () => {
  const { value, low, high } = bootstrap(5, (indices) => (indices.includes(3) ? 1 / 0 : 1), { seed: 1 })
  assert.deepEqual([value, low, high], [1 / 0, 1, 1 / 0])
})

test('one sample has a value and no interval, none has neither', () => {
  assert.deepEqual(meanEstimate([3], { seed: 0 }), { value: 3, low: Number.NaN, high: Number.NaN })
  assert.throws(() => meanEstimate([], { seed: 0 }), /at least one sample is needed \(got 0\)/)
})
