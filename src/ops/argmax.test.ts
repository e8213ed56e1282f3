import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import { argmax } from './argmax.ts'
import { mul } from './arithmetic.ts'
import { cast } from './compare.ts'
import { expand, sum } from './reduce.ts'

const places = (x: Float32Array, rows: number, width: number) =>
  Array.from({ length: rows }, (_, i) => {
    const row = x.subarray(i * width, (i + 1) * width)
    return row.indexOf(Math.max(...row))
  })

test('argmax finds the place of the largest element of each row', () =>
  checkOp(
    (x) => cast(argmax(x), 'float32'),
    [[4, 7]],
    (x) => places(x, 4, 7),
    { gradient: false },
  ))

test('argmax takes the first of equal elements', () =>
  checkOp(
    (x) => cast(argmax(x, 1), 'float32'),
    [{ shape: [6, 8], draw: (u) => Math.sign(u) }],
    (x) => places(x, 6, 8),
    { gradient: false },
  ))

test('no gradient flows through the place of the maximum', () =>
  checkOp(
    (x) => mul(x, expand(cast(argmax(sum(x, 1), 0), 'float32'), [3, 2])),
    [{ shape: [3, 2], draw: (u) => u / 8 }],
    (x) => {
      const rows = [0, 1, 2].map((i) => x[2 * i] + x[2 * i + 1])
      return x.map((v) => v * rows.indexOf(Math.max(...rows)))
    },
  ))
