import assert from 'node:assert/strict'
import { test } from 'node:test'
import { input } from '../graph/index.ts'
import { filled } from '../nn/index.ts'
import { mean, square, sub } from '../ops/index.ts'
import { nodeRuntime } from '../runtime/node.ts'
import type { TrainConfig } from './config.ts'
import { type LearningState, type LearningStore, learn } from './learn.ts'
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

/** A store in memory; what is written is a copy, as in a file. */
function memory(): LearningStore {
  let kept: LearningState | undefined
  return {
    read: async () => kept,
    async write({ arrays, ...state }) {
      kept = structuredClone({ ...state, arrays })
    },
  }
}

test('a run that was stopped is taken up from its store and ends as one that was not; a finished one is not trained again', async () => {
  const store = memory()
  const stop = new AbortController()
  const seen: number[] = []
  const watched = (stopAt?: number): TrainConfig => ({
    ...run,
    batch(step) {
      seen.push(step)
      if (step === stopAt) stop.abort()
      return run.batch(step)
    },
  })
  const options = { runtime, every: 4 }
  await assert.rejects(learn(watched(2), { ...options, store, signal: stop.signal }), { code: 'stopped' })
  assert.equal((await store.read())?.step, 3)
  const straight = await learn(run, options)
  assert.deepEqual(await learn(watched(), { ...options, store }), straight)
  assert.deepEqual(seen, [0, 1, 2, 3, 4, 5])
  assert.deepEqual(await learn(watched(), { ...options, store }), straight)
  assert.equal(seen.length, 6)
})
