import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ShapeError } from './errors.ts'
import { broadcastShapes, sameShape, size, strides } from './shape.ts'

test('shapes broadcast by the rule of numpy, and give nothing where they do not fit', () => {
  assert.deepEqual(broadcastShapes([2, 1, 3], [4, 1]), [2, 4, 3])
  assert.deepEqual(broadcastShapes([], [5]), [5])
  assert.equal(broadcastShapes([2, 3], [2]), undefined)
})

test('size is the number of elements, and strides their distances', () => {
  assert.equal(size([]), 1)
  assert.equal(size([2, 3, 4]), 24)
  assert.deepEqual(strides([2, 3, 4]), [12, 4, 1])
})

test('shapes are the same where each axis is', () => {
  assert.ok(sameShape([2, 3], [2, 3]))
  assert.ok(!sameShape([2, 3], [3, 2]))
  assert.ok(!sameShape([2], [2, 1]))
})

test('an error shows tensors and shapes in brackets, and numbers and words as they are', () => {
  const got = { a: { shape: [2, 3] }, perm: [1, 0], axis: -1, type: 'int32', keep: false }
  const message = 'op: what must hold (got a [2, 3], perm [1, 0], axis -1, type int32, keep false)'
  assert.equal(new ShapeError('op', 'what must hold', got).message, message)
})
