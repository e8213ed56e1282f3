import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import { cumsum } from './cumsum.ts'

const sums = (x: Float32Array, width: number) => {
  const y = new Float64Array(x)
  for (let i = 0; i < y.length; i++) if (i % width > 0) y[i] += y[i - 1]
  return Float32Array.from(y)
}

test('cumsum adds up along the last axis', () =>
  checkOp(
    (x) => cumsum(x),
    [[2, 5]],
    (x) => sums(x, 5),
  ))

test('cumsum adds up from the end with reverse', () =>
  checkOp(
    (x) => cumsum(x, 0, { reverse: true }),
    [[6]],
    (x) => sums(x.slice().reverse(), 6).reverse(),
  ))
