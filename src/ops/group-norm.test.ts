import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import { fill } from '../../test/positions.ts'
import { input } from '../graph/index.ts'
import { groupNorm, instanceNorm } from './group-norm.ts'

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

const groupLoops =
  (groups: number, eps = 1e-5) =>
  (x: Float32Array, gain?: Float32Array, bias?: Float32Array) =>
    fill([2, 6, 2, 3], ([B, C, i, j]) => {
      const width = (6 / groups) * 6 // numbers of one group
      const group = Math.floor(C / (6 / groups))
      const row = normalised(x, { from: (B * groups + group) * width, width, eps })
      return row[(C % (6 / groups)) * 6 + i * 3 + j] * (gain?.[C] ?? 1) + (bias?.[C] ?? 0)
    })

test('groupNorm takes each group of channels of each sample as one row', () =>
  checkOp((x) => groupNorm(x, 2), [[2, 6, 2, 3]], groupLoops(2)))

test('groupNorm with a gain alone', () =>
  checkOp((x, gain) => groupNorm(x, 3, { gain }), [[2, 6, 2, 3], [6]], groupLoops(3)))

test('groupNorm scales and shifts each channel', () =>
  checkOp((x, gain, bias) => groupNorm(x, 3, { gain, bias }), [[2, 6, 2, 3], [6], [6]], groupLoops(3)))

test('instanceNorm takes each channel of each sample as one row', () =>
  checkOp((x, gain, bias) => instanceNorm(x, { gain, bias }), [[2, 6, 2, 3], [6], [6]], groupLoops(6)))

test('groupNorm and instanceNorm take another eps', async () => {
  await checkOp((x, gain) => groupNorm(x, 3, { gain, eps: 1e-2 }), [[2, 6, 2, 3], [6]], groupLoops(3, 1e-2))
  await checkOp((x) => instanceNorm(x, { eps: 1e-2 }), [[2, 6, 2, 3]], groupLoops(6, 1e-2))
})

test('groupNorm says what does not fit', () => {
  const x = input('x', [2, 3, 6])
  const g = input('g', [6])
  const wrong = (make: () => unknown, message: string) => assert.throws(make, { name: 'ShapeError', message })
  wrong(() => groupNorm(x, 2), 'groupNorm: groups must divide the channels (got x [2, 3, 6], groups 2)')
  wrong(
    () => groupNorm(x, 3, { gain: g }),
    'groupNorm: the gain must hold one number per channel (got x [2, 3, 6], gain [6])',
  )
  const bias = input('bias', [3])
  wrong(() => groupNorm(x, 3, { bias }), 'groupNorm: a bias needs a gain (got x [2, 3, 6], bias [3])')
})
