import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import { input } from '../graph/index.ts'
import { repeat } from './repeat.ts'

test('repeat puts each element several times in a row', () =>
  checkOp(
    (x) => repeat(x, [1, 3, 2]),
    [[2, 2, 3]],
    (x) =>
      Float32Array.from(
        { length: 72 },
        (_, i) => x[Math.floor(i / 36) * 6 + (Math.floor(i / 18) % 2) * 3 + Math.floor((i % 6) / 2)],
      ),
  ))

test('repeat refuses a list that does not fit', () => {
  assert.throws(() => repeat(input('x', [2, 3]), [2]), {
    message: 'repeat: times must give a positive whole number for each axis of x (got x [2, 3], times [2])',
  })
})
