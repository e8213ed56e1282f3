import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import { constant, input } from '../graph/index.ts'
import { maximum, minimum } from './maximum.ts'

// Even and odd multiples of 1/4: never closer than the steps of the finite differences.
const even = (u: number) => Math.round(u * 4) / 2
const odd = (u: number) => Math.round(u * 4) / 2 + 0.25

test('maximum takes the larger element, with broadcasting', () =>
  checkOp(
    maximum,
    [
      { shape: [3, 4], draw: even },
      { shape: [4], draw: odd },
    ],
    (a, b) => a.map((v, i) => Math.max(v, b[i % 4])),
  ))

test('minimum takes the smaller element, with broadcasting', () =>
  checkOp(
    minimum,
    [
      { shape: [3, 1], draw: even },
      { shape: [3, 4], draw: odd },
    ],
    (a, b) => b.map((v, i) => Math.min(v, a[Math.floor(i / 4)])),
  ))

test('equal elements share the gradient', () =>
  checkOp(
    (x) => maximum(x, constant(new Float32Array(5), [5])),
    [{ shape: [5], draw: () => 0 }],
    (x) => x.map((v) => v / 2), // what the gradient says there; max(0, 0) is the same value
  ))

test('maximum and a number of whole numbers stay whole', () => {
  assert.equal(maximum(input('n', [2], 'int32'), 0).dtype, 'int32')
})

test('maximum refuses shapes and types that do not fit', () => {
  const a = input('a', [2, 3])
  assert.throws(() => maximum(a, input('b', [4])), {
    message: 'maximum: the shapes of a and b must broadcast (got a [2, 3], b [4])',
  })
  assert.throws(() => minimum(a, input('c', [3], 'int32')), {
    message: 'minimum: a and b must have one type (got a float32, b int32)',
  })
})
