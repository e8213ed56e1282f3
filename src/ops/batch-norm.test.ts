import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import { input, type Tensor } from '../graph/index.ts'
import { add, mul } from './arithmetic.ts'
import { batchNorm, fixedBatchNorm } from './batch-norm.ts'
import { perChannel } from './norm.ts'

const eps = 1e-2
const [B, C, N] = [3, 2, 4] // samples, channels, positions

/** Elements of each channel. */
const channels = (x: Float32Array) =>
  Array.from({ length: C }, (_, c) => Array.from(x).filter((_, i) => Math.floor(i / N) % C === c))
const meanOf = (list: number[]) => list.reduce((sum, v) => sum + v, 0) / list.length
const varianceOf = (list: number[]) => meanOf(list.map((v) => (v - meanOf(list)) ** 2))
const channelAt = (i: number) => Math.floor(i / N) % C

test('batch normalisation brings each channel of the batch to mean 0 and variance 1', () =>
  checkOp(
    (x, gain, bias) => batchNorm(x, { gain, bias, eps }).y,
    [[B, C, 2, 2], [C], [C]],
    (x, gain, bias) => {
      const lists = channels(x)
      return x.map((v, i) => {
        const list = lists[channelAt(i)]
        return ((v - meanOf(list)) / Math.sqrt(varianceOf(list) + eps)) * gain[channelAt(i)] + bias[channelAt(i)]
      })
    },
  ))

test('the statistics of the batch have gradients too', () =>
  checkOp(
    (x: Tensor) => {
      const { y, mean, variance } = batchNorm(x, { eps })
      return add(y, add(perChannel(mean, x), mul(perChannel(variance, x), 2)))
    },
    [[B, C, N]],
    (x) => {
      const lists = channels(x)
      return x.map((v, i) => {
        const list = lists[channelAt(i)]
        return (v - meanOf(list)) / Math.sqrt(varianceOf(list) + eps) + meanOf(list) + 2 * varianceOf(list)
      })
    },
  ))

test('each statistic of the batch has a gradient by itself', async () => {
  for (const one of ['mean', 'variance'] as const) {
    const values = (list: number[]) => (one === 'mean' ? meanOf(list) : varianceOf(list))
    await checkOp(
      (x: Tensor) => batchNorm(x, { eps })[one],
      [[B, C, N]],
      (x) => Float32Array.from(channels(x), values),
    )
  }
})

test('batch normalisation with given statistics is a line for each channel', () =>
  checkOp(
    (x, gain, bias, mean, variance) => fixedBatchNorm(x, { gain, bias, mean, variance, eps }),
    [[B, C, N], [C], [C], [C], { shape: [C], draw: (u) => u / 4 + 1 }],
    (x, gain, bias, mean, variance) =>
      x.map((v, i) => {
        const c = channelAt(i)
        return ((v - mean[c]) / Math.sqrt(variance[c] + eps)) * gain[c] + bias[c]
      }),
  ))

test('batch normalisation refuses arrays that do not fit the channels', () => {
  assert.throws(() => batchNorm(input('x', [B, C, N]), { gain: input('g', [N]) }), {
    message: 'batchNorm: each array must hold one number for each channel of x (got x [3, 2, 4], array [4])',
  })
})
