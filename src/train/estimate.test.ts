import assert from 'node:assert/strict'
import { test } from 'node:test'
import { input } from '../graph/index.ts'
import { linear } from '../nn/index.ts'
import { mean, square } from '../ops/index.ts'
import { nodeRuntime } from '../runtime/node.ts'
import type { TrainConfig } from './config.ts'
import { estimate } from './estimate.ts'

const config: TrainConfig = {
  name: 'one layer',
  seed: 0,
  steps: 10,
  samples: 8,
  build: (p) => ({ loss: mean(square(linear(p.at('layer'), 64, 32)(input('x', [8, 64])))) }),
  batch: () => assert.fail('an estimate asks for no batch'),
  lr: () => 1,
}
const weights = 64 * 32 + 32
const products = 2 * 2 * 8 * 64 * 32 // y, and the gradient of the weights; x needs none

test('an estimate counts weights with their gradients, moments and average, a batch, and the operations of a step', async () => {
  const { parameters, flops, weightBytes, stepBytes, rate, stepMs } = await estimate(config, nodeRuntime())
  assert.deepEqual([parameters, flops, weightBytes], [weights, products, 5 * 4 * weights])
  // The batch, and at most y, its square and what leads back from the loss.
  assert.ok(stepBytes >= 4 * 8 * 64 + 4 * 8 * 32 && stepBytes <= 4 * 8 * 64 + 5 * 4 * 8 * 32, `${stepBytes}`)
  assert.ok(rate > 1e8, `${rate} FLOP/s`)
  assert.ok(Math.abs(stepMs / ((1250 * flops) / rate) - 1) < 1e-9)
})

test('accumulation repeats the operations and adds an array of sums; Muon adds its own products', async () => {
  const four = await estimate({ ...config, accumulate: 4 }, nodeRuntime())
  assert.deepEqual([four.flops, four.weightBytes], [4 * products, 6 * 4 * weights])
  const muon = await estimate({ ...config, optimizer: { muon: () => true } }, nodeRuntime())
  // The Gram matrix [32, 32] of [32, 64], 17 products of squares, and what they make of the matrix.
  assert.equal(muon.flops, products + 2 * (32 * 64 * 32 + 17 * 32 ** 3 + 32 * 32 * 64))
  const two = await estimate({ ...config, accumulate: 4, workers: 2 }, nodeRuntime())
  assert.deepEqual([two.flops, two.weightBytes], [four.flops, (6 + 8) * 4 * weights])
  assert.equal(two.stepBytes, 2 * four.stepBytes)
})
