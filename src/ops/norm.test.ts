import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import { fill } from '../../test/positions.ts'
import { input } from '../graph/index.ts'
import { layerNorm, rmsNorm } from './norm.ts'

/** The numbers of one row, normalised. */
function normalised(
  x: ArrayLike<number>,
  { from, width, eps }: { from: number; width: number; eps: number },
): number[] {
  const row = Array.from({ length: width }, (_, i) => x[from + i])
  const mean = row.reduce((a, b) => a + b) / width
  const variance = row.reduce((total, v) => total + (v - mean) ** 2, 0) / width
  return row.map((v) => (v - mean) / Math.sqrt(variance + eps))
}

const layerLoops = (eps: number) => (x: Float32Array, gain?: Float32Array, bias?: Float32Array) =>
  fill(
    [2, 3, 6],
    ([i, j, k]) => normalised(x, { from: (i * 3 + j) * 6, width: 6, eps })[k] * (gain?.[k] ?? 1) + (bias?.[k] ?? 0),
  )

test('layerNorm gives each row mean 0 and variance 1', () =>
  checkOp((x) => layerNorm(x), [[2, 3, 6]], layerLoops(1e-5)))

test('layerNorm with a gain', () =>
  checkOp((x, gain) => layerNorm(x, { gain, eps: 1e-2 }), [[2, 3, 6], [6]], layerLoops(1e-2)))

test('layerNorm with gain and bias', () =>
  checkOp((x, gain, bias) => layerNorm(x, { gain, bias }), [[2, 3, 6], [6], [6]], layerLoops(1e-5)))

const rmsLoops = (eps: number) => (x: Float32Array, gain?: Float32Array) =>
  fill([2, 3, 6], ([i, j, k]) => {
    const from = (i * 3 + j) * 6
    const mean = x.slice(from, from + 6).reduce((total, v) => total + v * v, 0) / 6
    return (x[from + k] / Math.sqrt(mean + eps)) * (gain?.[k] ?? 1)
  })

test('rmsNorm gives each row the mean square 1', () => checkOp((x) => rmsNorm(x), [[2, 3, 6]], rmsLoops(1e-6)))

test('rmsNorm with a gain', () =>
  checkOp((x, gain) => rmsNorm(x, { gain, eps: 1e-2 }), [[2, 3, 6], [6]], rmsLoops(1e-2)))

test('normalisations say what does not fit', () => {
  const x = input('x', [2, 3, 6])
  const p = input('p', [3])
  const wrong = (make: () => unknown, message: string) => assert.throws(make, { name: 'ShapeError', message })
  wrong(() => layerNorm(x, { gain: p }), 'layerNorm: the gain must fit the last axis of x (got x [2, 3, 6], gain [3])')
  wrong(
    () => layerNorm(x, { gain: input('g', [6]), bias: p }),
    'layerNorm: the bias must fit the last axis of x (got x [2, 3, 6], bias [3])',
  )
  wrong(() => layerNorm(x, { bias: p }), 'layerNorm: a bias needs a gain (got x [2, 3, 6], bias [3])')
  wrong(() => rmsNorm(x, { gain: p }), 'rmsNorm: the gain must fit the last axis of x (got x [2, 3, 6], gain [3])')
})
