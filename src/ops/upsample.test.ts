import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import { input } from '../graph/index.ts'
import { upsample } from './upsample.ts'

test('upsample repeats rows and columns', () =>
  checkOp(
    (x) => upsample(x, [3, 2]),
    [[2, 2, 2, 3]],
    (x) => Float32Array.from({ length: 144 }, (_, i) => x[Math.floor(i / 18) * 3 + Math.floor((i % 6) / 2)]),
  ))

test('upsample repeats frames in front of rows and columns', () =>
  checkOp(
    (x) => upsample(x, [2, 1, 2]),
    [[1, 2, 2, 1, 2]],
    (x) => Float32Array.from({ length: 32 }, (_, i) => x[Math.floor(i / 8) * 2 + Math.floor((i % 4) / 2)]),
  ))

test('upsample refuses a list that does not fit', () => {
  assert.throws(() => upsample(input('x', [1, 2, 3]), [2, 2]), {
    message:
      'upsample: times must give a positive whole number for each spatial axis of x (got x [1, 2, 3], times [2, 2])',
  })
})
