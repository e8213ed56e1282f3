import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import { input } from '../graph/index.ts'
import { gather, gatherElements, scatterAdd } from './gather.ts'

test('gather looks rows up, and a row used twice gets both gradients', () =>
  checkOp(
    (table, ids) => gather(table, ids),
    [[5, 3], { shape: [2, 4], dtype: 'int32', below: 5 }],
    (table, ids) => Float32Array.from({ length: 24 }, (_, i) => table[ids[Math.floor(i / 3)] * 3 + (i % 3)]),
  ))

test('gather takes slices along any axis', () =>
  checkOp(
    (x, at) => gather(x, at, 1),
    [[2, 4, 3], { shape: [5], dtype: 'int32', below: 4 }],
    (x, at) =>
      Float32Array.from({ length: 30 }, (_, i) => x[Math.floor(i / 15) * 12 + at[Math.floor(i / 3) % 5] * 3 + (i % 3)]),
  ))

test('gatherElements takes one element for each index', () =>
  checkOp(
    (x, at) => gatherElements(x, at, 1),
    [[3, 5], { shape: [3, 4], dtype: 'int32', below: 5 }],
    (x, at) => Float32Array.from(at, (place, i) => x[Math.floor(i / 4) * 5 + place]),
  ))

test('scatterAdd adds every update, also to the same place', () =>
  checkOp(
    (x, at, updates) => scatterAdd(x, at, updates, 0),
    [[3, 4], { shape: [6, 4], dtype: 'int32', below: 3 }, [6, 4]],
    (x, at, updates) => {
      const y = x.slice()
      at.forEach((place, i) => {
        y[place * 4 + (i % 4)] += updates[i]
      })
      return y
    },
  ))

test('gather and scatter refuse what does not fit', () => {
  const [x, at] = [input('x', [3, 4]), input('at', [3, 5], 'int32')]
  const message = (text: string) => ({ name: 'ShapeError', message: text })
  assert.throws(
    () => gather(x, x),
    message('gather: indices must be of type int32 (got indices float32, shape [3, 4])'),
  )
  assert.throws(
    () => gatherElements(x, at, 0),
    message(
      'gatherElements: indices must have the axes of x, none longer but axis 0 (got x [3, 4], indices [3, 5], axis 0)',
    ),
  )
  assert.throws(
    () => scatterAdd(x, at, x, 1),
    message('scatterAdd: updates must have the shape of indices (got updates [3, 4], indices [3, 5])'),
  )
})
