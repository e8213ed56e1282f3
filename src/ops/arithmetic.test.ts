import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import { at, fill } from '../../test/positions.ts'
import { input } from '../graph/index.ts'
import { add, addAll, div, mul, neg, sub } from './arithmetic.ts'
import { equal, less, where } from './compare.ts'
import { maximum } from './maximum.ts'
import { concat } from './movement.ts'
import { expand } from './reduce.ts'

const ops = [
  { name: 'add', op: add, of: (a: number, b: number) => a + b },
  { name: 'sub', op: sub, of: (a: number, b: number) => a - b },
  { name: 'mul', op: mul, of: (a: number, b: number) => a * b },
  { name: 'div', op: div, of: (a: number, b: number) => a / b },
]
const awayFromZero = (u: number) => (u < 0 ? u - 0.5 : u + 0.5)

for (const { name, op, of } of ops) {
  test(`${name} broadcasts both operands and sums their gradients back`, () => {
    const [A, B] = [
      [2, 1, 3],
      [4, 1],
    ]
    return checkOp(op, [A, { shape: B, draw: awayFromZero }], (a, b) =>
      fill([2, 4, 3], (p) => of(at(a, A, p), at(b, B, p))),
    )
  })

  test(`${name} takes two tensors of one shape, one of them without axes, and the same one twice`, () =>
    checkOp(
      (a, b, c) => concat([op(a, b), op(c, a), op(a, c), op(a, a)], 0),
      [
        { shape: [2, 3], draw: awayFromZero },
        { shape: [2, 3], draw: awayFromZero },
        { shape: [], draw: awayFromZero },
      ],
      (a, b, [c]) =>
        Float32Array.from([
          ...a.map((v, i) => of(v, b[i])),
          ...a.map((v) => of(c, v)),
          ...a.map((v) => of(v, c)),
          ...a.map((v) => of(v, v)),
        ]),
    ))

  test(`${name} takes a number on either side`, () =>
    checkOp(
      (a) => concat([op(a, 0.75), op(-3, a)], 0),
      [{ shape: [5], draw: awayFromZero }],
      (a) => Float32Array.from([...a.map((v) => of(v, 0.75)), ...a.map((v) => of(-3, v))]),
    ))

  test(`${name} reads what was repeated to the shape of the other as it was before`, () => {
    const [x, row] = [input('x', [2, 3]), input('row', [3])]
    const repeated = () => expand(row, [2, 3])
    assert.deepEqual(op(x, repeated()).node.inputs, [x, row])
    assert.deepEqual(op(repeated(), x).node.inputs, [row, x])
    assert.deepEqual(op(repeated(), repeated()).shape, [2, 3])
    return checkOp(
      (a, b) =>
        concat([op(a, expand(b, [2, 3])), op(expand(b, [2, 3]), a), op(expand(b, [2, 3]), expand(b, [2, 3]))], 0),
      [
        { shape: [2, 3], draw: awayFromZero },
        { shape: [3], draw: awayFromZero },
      ],
      (a, b) => {
        const wide = [...b, ...b]
        return Float32Array.from([
          ...a.map((v, i) => of(v, wide[i])),
          ...a.map((v, i) => of(wide[i], v)),
          ...wide.map((v) => of(v, v)),
        ])
      },
    )
  })
}

test('whole numbers add, subtract and multiply as whole numbers, a plain number beside them too', () =>
  checkOp(
    (a, b) => add(mul(sub(a, b), 3), b),
    [
      { shape: [4, 3], dtype: 'int32', below: 100 },
      { shape: [3], dtype: 'int32', below: 100 },
    ],
    (a, b) => fill([4, 3], (p) => (at(a, [4, 3], p) - at(b, [3], p)) * 3 + at(b, [3], p)),
    { gradient: false },
  ))

test('neg turns the sign', () => checkOp(neg, [[3, 2]], (x) => x.map((v) => -v)))

test('addAll sums every tensor of a list', () =>
  checkOp(
    (...xs) => addAll(xs),
    [
      [2, 2],
      [2, 2],
      [2, 2],
    ],
    (a, b, c) => a.map((v, i) => v + b[i] + c[i]),
  ))

test('adding 0 and multiplying by 1 make no node', () => {
  const x = input('x', [2])
  assert.equal(add(x, 0), x)
  assert.equal(mul(x, 1), x)
})

test('operands whose shapes do not broadcast are refused, with both shapes', () => {
  assert.throws(() => mul(input('a', [2, 3]), input('b', [2, 4])), {
    name: 'ShapeError',
    message: 'mul: the shapes of a and b must broadcast (got a [2, 3], b [2, 4])',
  })
})

test('a number beside whole numbers must be one of them', () => {
  const ids = input('ids', [2], 'int32')
  const message = (op: string, x: number) =>
    `${op}: a number beside an int32 tensor must be one itself; use cast (got number ${x}, beside [2])`
  const wrong: [() => unknown, string][] = [
    [() => mul(ids, 0.5), message('mul', 0.5)],
    [() => sub(1.5, ids), message('sub', 1.5)],
    [() => less(ids, 1.5), message('less', 1.5)],
    [() => maximum(ids, -Infinity), message('maximum', -Infinity)],
    [() => where(equal(ids, 0), ids, 2 ** 31), message('where', 2 ** 31)],
  ]
  for (const [make, message] of wrong) assert.throws(make, { name: 'ShapeError', message })
})

test('operands of two types are refused', () => {
  assert.throws(() => add(input('a', [2]), input('b', [2], 'int32')), {
    name: 'ShapeError',
    message: 'add: a and b must have one type (got a float32, b int32)',
  })
})
