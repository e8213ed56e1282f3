import assert from 'node:assert/strict'
import { test } from 'node:test'
import { classScores } from './class-scores.ts'

test('scores count what is right, what a class is taken for, and what the most common class alone would reach', () => {
  const scores = classScores([0, 1, 1, 2, 2, 0], [0, 0, 0, 0, 2, 2], ['cat', 'dog', 'fox', 'owl'])
  assert.equal(scores.accuracy, 2 / 6)
  assert.equal(scores.mostCommon, 4 / 6)
  assert.deepEqual(scores.classes, [
    { name: 'cat', count: 4, right: 1, takenFor: 'dog' },
    { name: 'fox', count: 2, right: 1, takenFor: 'cat' },
  ])
})

test('a class that is always told right is taken for nothing', () => {
  assert.deepEqual(classScores([1, 1], [1, 1], ['a', 'b']).classes, [{ name: 'b', count: 2, right: 2 }])
})
