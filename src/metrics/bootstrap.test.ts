import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stream } from '../random.ts'
import { bootstrap, interval, meanEstimate, ratioEstimate, resample } from './bootstrap.ts'

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

test('the kinds of interval mirror or move the figures of the resamples', () => {
  const figures = Float64Array.from({ length: 201 }, (_, i) => i / 10) // 0 to 20, mean 10
  const ends = (kind?: 'basic' | 'centred') => {
    const { low, high } = interval(12, figures, kind)
    return [low, high].map((x) => Number(x.toFixed(9)))
  }
  assert.deepEqual(ends(), [0.5, 19.5])
  assert.deepEqual(ends('basic'), [4.5, 23.5])
  assert.deepEqual(ends('centred'), [2.5, 21.5])
})

test('figures of resamples come in order, and one that is no number makes the interval none', () => {
  const figures = resample(10, (indices) => indices[0], { seed: 1, resamples: 50 })
  assert.deepEqual(figures, Float64Array.from(figures).sort())
  const { value, low, high } = bootstrap(5, (indices) => (indices.includes(3) ? Number.NaN : 1), { seed: 1 })
  assert.deepEqual([value, low, high], [Number.NaN, Number.NaN, Number.NaN])
})

test('one sample has a value and no interval, none has neither', () => {
  assert.deepEqual(meanEstimate([3], { seed: 0 }), { value: 3, low: Number.NaN, high: Number.NaN })
  assert.throws(() => meanEstimate([], { seed: 0 }), /at least one sample is needed \(got 0\)/)
})
