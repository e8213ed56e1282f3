import assert from 'node:assert/strict'
import { test } from 'node:test'
import { foundWithin, ranks } from './retrieval.ts'

const unit = (angle: number) => [Math.cos(angle), Math.sin(angle)]

test('a rank counts the candidates that are nearer than the own one', () => {
  const candidates = [0, 0.5, 1, 1.5].map(unit)
  assert.deepEqual([...ranks(candidates, candidates)], [0, 0, 0, 0])
  // At 0.9, candidates lie in the order 1 (of 1.0), 0.5, 1.5, 0.
  const query = unit(0.9)
  assert.deepEqual([...ranks([query, query, query, query], candidates, [0, 1, 2, 3])], [3, 1, 0, 2])
})

test('a model that says the same of everything finds nothing', () => {
  const same = new Array(10).fill([1, 0])
  assert.deepEqual([...ranks(same, same)], new Array(10).fill(9))
  const broken = new Array(10).fill([Number.NaN, 0])
  assert.deepEqual([...ranks(same, broken)], new Array(10).fill(9))
})

test('recall at k is the part of ranks below k', () => {
  const places = Uint32Array.of(0, 4, 5, 1, 0)
  assert.deepEqual([...foundWithin(places, 1)], [1, 0, 0, 0, 1])
  assert.deepEqual([...foundWithin(places, 5)], [1, 1, 0, 1, 1])
})

test('queries and candidates must be features of one width', () => {
  assert.throws(() => ranks([[1, 2]], [[1]]), /retrieval: every sample must have as many features/)
})
