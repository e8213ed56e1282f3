import assert from 'node:assert/strict'
import { test } from 'node:test'
import { input } from '../graph/index.ts'
import { filled } from '../nn/index.ts'
import { mean, square, sub } from '../ops/index.ts'
import { nodeRuntime } from '../runtime/node.ts'
import type { TrainConfig } from './config.ts'
import { learn } from './learn.ts'
import { constant } from './lr.ts'
import { train } from './train.ts'

const runtime = nodeRuntime({ threads: 1 })

/** One number that follows the mean of what each step shows. */
const run: TrainConfig = {
  ...{ name: 'follow', seed: 0, steps: 6, samples: 2, lr: constant({ peak: 0.1 }), optimizer: { ema: 0.9 } },
  build: (p) => ({ loss: mean(square(sub(p.get('place', [1], filled(0)), input('x', [2])))) }),
  batch: (step) => ({ x: Float32Array.of(step, step + 1) }),
}

test('learn gives the averaged weights of the last step and the mean loss between points of the curve', async () => {
  const losses: number[] = []
  let [averaged, plain] = [Number.NaN, Number.NaN]
  for await (const event of train(run, { runtime }))
    if (event.kind === 'step') {
      losses.push(event.loss)
      averaged = event.state.weights(true).place.data[0]
      plain = event.state.weights(false).place.data[0]
    }
  const { weights, last, curve } = await learn(run, { runtime, every: 3 })
  assert.deepEqual(Object.keys(weights), ['place'])
  assert.deepEqual([weights.place[0], last.place[0]], [averaged, plain])
  assert.notEqual(plain, averaged)
  assert.deepEqual(curve, [
    [3, (losses[0] + losses[1] + losses[2]) / 3],
    [6, (losses[3] + losses[4] + losses[5]) / 3],
  ])
})

test('what is stopped before the last step is no result', async () => {
  const signal = AbortSignal.abort()
  await assert.rejects(learn(run, { runtime, signal }), { code: 'stopped', message: /follow: stopped before/ })
})
