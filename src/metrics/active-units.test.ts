import assert from 'node:assert/strict'
import { test } from 'node:test'
import { activeUnits } from './active-units.ts'

test('a latent is active where its mean varies over the data by more than 0.01, wherever it lies', () => {
  const means = [
    [5, 0.09, 0, 1],
    [5, -0.09, 0, -1], // variances 0, 0.0081, 0 and 1
  ]
  assert.equal(activeUnits(means), 1)
  assert.equal(activeUnits(means, 0.008), 2)
  assert.equal(activeUnits(means.map((row) => row.map((x) => x + 100))), 1)
})

test('rows of different widths, or none, are refused', () => {
  const refused = { code: 'usage', message: /^active units: every sample must have as many features/ }
  assert.throws(() => activeUnits([]), refused)
  assert.throws(() => activeUnits([[1, 2], [1]]), refused)
})
