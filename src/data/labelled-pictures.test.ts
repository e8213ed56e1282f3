import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noisyBatches, rowsOf } from './labelled-pictures.ts'

const set = { count: 6, shape: [1, 1, 2] as const, pixels: Float32Array.from({ length: 12 }, (_, i) => i) }

test('a batch is a pure function of seed and step, and an epoch shows every picture once', () => {
  const batches = noisyBatches(set, { batch: 3, seed: 5, times: 10 })
  const first = batches(0)
  const again = noisyBatches(set, { batch: 3, seed: 5, times: 10 })
  assert.deepEqual(again(1), batches(1))
  assert.deepEqual(again(0), first)
  assert.deepEqual([...first.chosen, ...batches(1).chosen].sort(), [0, 1, 2, 3, 4, 5])
  assert.deepEqual(first.x0, rowsOf(set, first.chosen))
  assert.ok(first.t.every((t) => t >= 0 && t < 10))
  assert.notDeepEqual(noisyBatches(set, { batch: 3, seed: 6, times: 10 })(0).eps, first.eps)
})

test('the rows are those of the pictures that were asked for', () => {
  assert.deepEqual([...rowsOf(set, [4, 0])], [8, 9, 0, 1])
})
