import assert from 'node:assert/strict'
import { test } from 'node:test'
import { size } from '../graph/index.ts'
import { vaeConfig } from '../models/vae.ts'
import { params } from '../nn/index.ts'
import { square } from '../ops/index.ts'
import { stream } from '../random.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { learn } from '../train/learn.ts'
import { autoencoding } from './autoencoding.ts'

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

test('the error of a number is its absolute value, or the square where that is asked for', async () => {
  const runtime = nodeRuntime({ threads: 1 })
  const lossOf = async (error?: typeof square) => {
    const p = params()
    const { loss } = autoencoding({ config, size: 8, batch: 4, seed: 5, klWeight: 0, error, pictures }).build(p)
    const constants = Object.fromEntries(
      Array.from(p.all.values(), ({ name, tensor }) => [name, new Float32Array(size(tensor.shape))]),
    )
    const program = await runtime.load({ loss }, { constants })
    const { loss: value } = await program.run({
      x: new Float32Array(4 * 64).fill(0.5),
      noise: new Float32Array(4 * 2 * 16),
    })
    await program.release()
    return value[0]
  }
  // Weights of 0 decode to 0.
  assert.equal(await lossOf(), 0.5)
  assert.equal(await lossOf(square), 0.25)
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
