import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noisyBatches } from '../data/labelled-pictures.ts'
import { ddpmConfig } from '../diffusion/ddpm.ts'
import { embedding, zeros } from '../nn/index.ts'
import { add, reshape } from '../ops/index.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { learn } from '../train/learn.ts'
import { denoising } from './denoising.ts'

/** Two kinds of pictures of one place, and noise that a table of labels alone can tell nothing of. */
const set = { count: 4, shape: [1, 1, 1] as const, pixels: Float32Array.of(-1, 1, -1, 1) }
const config = ddpmConfig.parse({ prediction_type: 'sample' })
const options = {
  ...{ batch: 16, seed: 3, config },
  told: {
    labels: { shape: [], dtype: 'int32' as const, of: (chosen: Int32Array) => chosen.map((i) => i % 2) },
    step: { shape: [2], of: (_: Int32Array, step: number) => new Float32Array(32).fill(step) },
  },
}

test('a step is the noisy batch of that step and what is told of the chosen pictures', () => {
  const { batch } = denoising(set, { ...options, build: () => (x) => x })
  const { chosen, ...noisy } = noisyBatches(set, { batch: 16, seed: 3, times: 1000 })(7)
  const labels = chosen.map((i) => i % 2)
  assert.deepEqual(batch(7), { ...noisy, labels, step: new Float32Array(32).fill(7) })
})

test('times are drawn from as many as there are given betas', () => {
  const trained_betas = [0.1, 0.2, 0.3]
  const { batch } = denoising(set, { ...options, config: { ...config, trained_betas }, build: () => (x) => x })
  assert.deepEqual([...new Set(batch(0).t as Int32Array)].sort(), [0, 1, 2])
})

test('a network that is told the label learns the pictures of each', async () => {
  const task = denoising(set, {
    ...options,
    build(p) {
      const table = embedding(p.at('table'), 2, 1, { init: zeros })
      return (x, _t, { labels, step }) => {
        assert.deepEqual([labels.shape, step.shape], [[16], [16, 2]])
        return add(reshape(table(labels), x.shape), 0)
      }
    },
  })
  const run = { name: 'labels', seed: 1, steps: 60, lr: () => 0.1, ...task }
  const { last } = await learn(run, { runtime: nodeRuntime({ threads: 1 }) })
  const [table] = Object.values(last)
  assert.ok(Math.abs(table[0] + 1) < 0.1 && Math.abs(table[1] - 1) < 0.1, `${table}`)
})
