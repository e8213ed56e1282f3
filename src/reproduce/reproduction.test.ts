import assert from 'node:assert/strict'
import { test } from 'node:test'
import { spreads } from './reproduction.ts'

test('a figure is told with its mean and its range over the seeds that have it', () => {
  const seed = (figures: Record<string, number>) => ({ figures, series: {} })
  assert.deepEqual(spreads([seed({ a: 1, b: 5 }), seed({ a: 4 })]), {
    a: { mean: 2.5, low: 1, high: 4 },
    b: { mean: 5, low: 5, high: 5 },
  })
})
