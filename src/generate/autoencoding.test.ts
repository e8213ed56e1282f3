import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
import { size } from '../graph/index.ts'
import { vaeConfig } from '../models/vae.ts'
import { params } from '../nn/index.ts'
import { square } from '../ops/index.ts'
import { stream } from '../random.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { learn } from '../train/learn.ts'
import { type AutoencodingOptions, autoencoding } from './autoencoding.ts'

const config = vaeConfig({
  ...{ in_channels: 1, out_channels: 1, latent_channels: 2, block_out_channels: [8, 8], norm_num_groups: 4 },
  ...{ down_block_types: ['DownEncoderBlock2D', 'DownEncoderBlock2D'] },
  up_block_types: ['UpDecoderBlock2D', 'UpDecoderBlock2D'],
})

/** Pictures whose halves have one value each. */
function pictures(step: number): Float32Array {
  const values = stream({ seed: 2, purpose: 'halves', step }).uniform(2 * 4)
  return Float32Array.from({ length: 4 * 64 }, (_, i) => 2 * values[Math.floor(i / 32)] - 1)
}

test('the loss is told for one number: its absolute error or its square, and its part of the weighted divergence', async () => {
  const runtime = nodeRuntime({ threads: 1 })
  const lossOf = async (options: Partial<AutoencodingOptions>) => {
    const p = params()
    const { loss } = autoencoding({ config, size: 8, batch: 4, seed: 5, klWeight: 0, pictures, ...options }).build(p)
    const constants = Object.fromEntries(
      Array.from(p.all.values(), ({ name, tensor }) => [name, new Float32Array(size(tensor.shape))]),
    )
    constants['quant_conv.bias'].set([2, 2, 1, 1]) // means and log variances
    const program = await runtime.load({ loss }, { constants })
    const { loss: value } = await program.run({
      x: new Float32Array(4 * 64).fill(0.5),
      noise: new Float32Array(4 * 2 * 16),
    })
    await program.release()
    return value[0]
  }
  // Weights of 0 decode to 0.
  assert.equal(await lossOf({}), 0.5)
  assert.equal(await lossOf({ error: square }), 0.25)
  // ½ (μ² + σ² − 1 − ln σ²) with μ = 2, σ² = e, for 2 · 4 · 4 latents on 8 · 8 numbers.
  assertClose([await lossOf({ klWeight: 0.3 })], [0.5 + (0.3 * 32 * 0.5 * (4 + Math.E - 2)) / 64], 1e-6, 'loss')
})

test('a run learns to give back pictures, from batches that depend on seed and step alone', async () => {
  const task = autoencoding({ config, size: 8, batch: 4, seed: 5, klWeight: 1e-4, pictures })
  const { x, noise } = task.batch(3)
  assert.deepEqual([x.length, noise.length], [4 * 64, 4 * 2 * 16])
  assert.deepEqual(task.batch(3), { x, noise })
  assert.notDeepEqual(task.batch(4).noise, noise)
  const run = { name: 'halves', seed: 1, steps: 60, lr: () => 3e-3, ...task }
  const { curve } = await learn(run, { runtime: nodeRuntime({ threads: 1 }), every: 10 })
  assert.ok(curve.at(-1)![1] < 0.5 * curve[0][1], `${curve}`)
})
