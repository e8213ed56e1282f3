import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
import { evaluate } from '../../test/on-node.ts'
import { input } from '../graph/index.ts'
import { batchNorm, type Updates } from './batch-norm.ts'
import { params } from './params.ts'

const x = Float32Array.of(1, 2, 10, 30, 3, 6, 20, 40) // [2, 2, 2]: channel 0 holds 1 2 3 6, channel 1 holds 10 30 20 40
const weights = { 'bn.weight': Float32Array.of(1, 2), 'bn.bias': Float32Array.of(0, 5) }
const running = {
  'bn.running_mean': Float32Array.of(1, 10),
  'bn.running_var': Float32Array.of(4, 100),
  'bn.num_batches_tracked': Float32Array.of(7),
}

test('outside of training the running statistics are used', async () => {
  const p = params()
  const y = batchNorm(p.at('bn'), 2, { eps: 0 })(input('x', [2, 2, 2]))
  const got = await evaluate({ y }, { x, ...weights, ...running })
  assertClose(got.y, [0, 0.5, 5, 9, 1, 2.5, 7, 11], 1e-6, 'y')
})

test('the running statistics are buffers under the names of PyTorch, and are not trained', () => {
  const p = params()
  batchNorm(p.at('bn'), 2)
  assert.deepEqual(
    [...p.all.values()].map(({ name, trained }) => [name, trained]),
    [
      ['bn.weight', true],
      ['bn.bias', true],
      ['bn.running_mean', false],
      ['bn.running_var', false],
      ['bn.num_batches_tracked', false],
    ],
  )
})

test('in training the running statistics follow those of the batch, with the unbiased variance', async () => {
  const p = params()
  const training: Updates = new Map()
  const y = batchNorm(p.at('bn'), 2, { training, momentum: 0.25 })(input('x', [2, 2, 2]))
  const got = await evaluate({ y, ...Object.fromEntries(training) }, { x, ...weights, ...running })
  // Channel 0 has mean 3 and squares of deviations 4 + 1 + 0 + 9 = 14; channel 1 mean 25 and squares 500.
  assertClose(got['bn.running_mean'], [0.75 * 1 + 0.25 * 3, 0.75 * 10 + 0.25 * 25], 1e-6, 'mean')
  assertClose(got['bn.running_var'], [0.75 * 4 + (0.25 * 14) / 3, 0.75 * 100 + (0.25 * 500) / 3], 1e-6, 'variance')
  assert.deepEqual([...(got['bn.num_batches_tracked'] as Float32Array)], [8])
  const [a, b] = [Math.sqrt(14 / 4), Math.sqrt(500 / 4)]
  const channel1 = [-15, 5, -5, 15].map((v) => 5 + (2 * v) / b)
  assertClose(got.y, [-2 / a, -1 / a, channel1[0], channel1[1], 0, 3 / a, channel1[2], channel1[3]], 1e-5, 'y')
})
