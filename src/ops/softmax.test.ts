import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import { assertClose } from '../../test/close.ts'
import { devices } from '../../test/devices.ts'
import { fill } from '../../test/positions.ts'
import { input } from '../graph/index.ts'
import { logSoftmax, softmax } from './softmax.ts'

const probability = (x: ArrayLike<number>, row: number, column: number, width: number) => {
  let total = 0
  for (let i = 0; i < width; i++) total += Math.exp(x[row * width + i])
  return Math.exp(x[row * width + column]) / total
}

test('softmax shares 1 among the last axis', () =>
  checkOp(softmax, [{ shape: [2, 3, 5], draw: (u) => 3 * u }], (x) =>
    fill([2, 3, 5], ([i, j, k]) => probability(x, i * 3 + j, k, 5)),
  ))

test('logSoftmax is the logarithm of softmax', () =>
  checkOp(logSoftmax, [{ shape: [4, 7], draw: (u) => 3 * u }], (x) =>
    fill([4, 7], ([i, k]) => Math.log(probability(x, i, k, 7))),
  ))

test('large numbers do not overflow softmax and logSoftmax', async () => {
  const x = input('x', [2, 3])
  for (const device of devices) {
    const got = await device.evaluate(
      { p: softmax(x), log: logSoftmax(x) },
      { x: Float32Array.of(1e4, 1e4, -1e4, -2e4, -2e4 + 1, -3e4) },
    )
    const e = Math.E
    assertClose(got.p, [0.5, 0.5, 0, 1 / (1 + e), e / (1 + e), 0], 1e-6, device.name)
    assertClose(
      got.log,
      [-Math.LN2, -Math.LN2, -2e4 - Math.LN2, ...[0, 1, -1e4].map((v) => v - Math.log(1 + e))],
      1e-6,
      device.name,
    )
  }
})
