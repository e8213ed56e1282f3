import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import { input, type Tensor } from '../graph/index.ts'
import { mul } from './arithmetic.ts'
import { and, cast, equal, greater, greaterOrEqual, less, lessOrEqual, not, notEqual, or, where } from './compare.ts'
import type { Operand } from './operand.ts'

const step = (u: number) => Math.round(2 * u) // −2 … 2, so that many are equal
const comparisons: [string, (a: Operand, b: Operand) => Tensor, (a: number, b: number) => boolean][] = [
  ['equal', equal, (a, b) => a === b],
  ['notEqual', notEqual, (a, b) => a !== b],
  ['greater', greater, (a, b) => a > b],
  ['greaterOrEqual', greaterOrEqual, (a, b) => a >= b],
  ['less', less, (a, b) => a < b],
  ['lessOrEqual', lessOrEqual, (a, b) => a <= b],
]

for (const [name, op, holds] of comparisons) {
  test(`${name} compares each element, with broadcasting`, () =>
    checkOp(
      (a, b) => cast(op(a, b), 'float32'),
      [
        { shape: [4, 5], draw: step },
        { shape: [5], draw: step },
      ],
      (a, b) => a.map((v, i) => +holds(v, b[i % 5])),
      { gradient: false },
    ))

  test(`${name} compares whole numbers with one number`, () =>
    checkOp(
      (a) => cast(op(a, 2), 'float32'),
      [{ shape: [12], dtype: 'int32', below: 5 }],
      (a) => Float32Array.from(a, (v) => +holds(v, 2)),
      { gradient: false },
    ))
}

test('and, or and not combine answers', () =>
  checkOp(
    (a, b) => cast(or(and(greater(a, 0), greater(b, 0)), not(greater(a, b))), 'float32'),
    [[4, 5], [5]],
    (a, b) => a.map((v, i) => +((v > 0 && b[i % 5] > 0) || !(v > b[i % 5]))),
    { gradient: false },
  ))

test('where chooses by element and sends the gradient to the chosen one', () =>
  checkOp(
    (n, a, b) => where(greater(n, 0), a, b),
    [{ shape: [4, 1], dtype: 'int32', below: 2 }, [4, 3], [3]],
    (n, a, b) => a.map((v, i) => (n[Math.floor(i / 3)] > 0 ? v : b[i % 3])),
  ))

test('where takes a number for either side', () =>
  checkOp(
    (n, a) => mul(where(equal(n, 1), a, -2), where(equal(n, 1), 3, a)),
    [{ shape: [6], dtype: 'int32', below: 2 }, [6]],
    (n, a) => a.map((v, i) => (n[i] === 1 ? v * 3 : -2 * v)),
  ))

test('a cast to int32 cuts the fraction off, and no gradient passes it', () =>
  checkOp(
    (x) => mul(x, cast(cast(mul(x, 3), 'int32'), 'float32')),
    [{ shape: [12], draw: (u) => Math.round(u * 5) / 3 + 0.15 }],
    (x) => x.map((v) => v * Math.trunc(v * 3)),
  ))

test('a cast to bool is true for any number but 0', () =>
  checkOp(
    (x) => cast(cast(x, 'bool'), 'float32'),
    [{ shape: [12], dtype: 'int32', below: 3 }],
    (x) => Float32Array.from(x, (v) => +(v !== 0)),
    { gradient: false },
  ))

test('comparisons refuse types that do not fit', () => {
  const [a, n] = [input('a', [2]), input('n', [2], 'int32')]
  const message = (text: string) => ({ name: 'ShapeError', message: text })
  assert.throws(() => greater(a, n), message('greater: a and b must have one type (got a float32, b int32)'))
  assert.throws(() => equal(less(a, 0), less(a, 1)), message('equal: a and b must hold numbers (got a bool, b bool)'))
  assert.throws(() => and(a, a), message('and: a and b must be of type bool (got a float32, b float32)'))
  assert.throws(() => not(n), message('not: a must be of type bool (got a int32)'))
  assert.throws(() => where(a, a, a), message('where: the condition must be of type bool (got condition float32)'))
  assert.throws(
    () => where(less(input('c', [3]), 0), a, a),
    message('where: the shapes of condition, a and b must broadcast (got condition [3], a [2], b [2])'),
  )
})
