import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import { at, fill } from '../../test/positions.ts'
import { input, type Shape, type Tensor } from '../graph/index.ts'
import { grad } from '../transform/grad.ts'
import { concat, reshape } from './movement.ts'
import { expand, max, sum, sumTo } from './reduce.ts'

const shape = [2, 3, 4]
const every = (x: ArrayLike<number>, kept: Shape, reduce: (list: number[]) => number) =>
  fill(kept, (p) => {
    const list: number[] = []
    fill(shape, (q) => {
      if (q.every((n, axis) => kept[axis] === 1 || n === p[axis])) list.push(at(x, shape, q))
      return 0
    })
    return reduce(list)
  })
const total = (list: number[]) => list.reduce((a, b) => a + b)

const reductions = [
  { name: 'sum', op: sum, of: total, gradient: true },
  { name: 'max', op: max, of: (list: number[]) => Math.max(...list), gradient: false },
]
const cases: { axes?: number | number[]; kept: Shape; left: Shape }[] = [
  { axes: undefined, kept: [1, 1, 1], left: [] },
  { axes: 0, kept: [1, 3, 4], left: [3, 4] },
  { axes: -1, kept: [2, 3, 1], left: [2, 3] },
  { axes: [2, 0], kept: [1, 3, 1], left: [3] },
]

for (const { name, op, of, gradient } of reductions)
  for (const { axes, kept, left } of cases)
    test(`${name} over ${axes === undefined ? 'all axes' : `axes ${axes}`}, kept or dropped`, () => {
      const x = input('x', shape)
      assert.deepEqual(op(x, axes).shape, left)
      assert.deepEqual(op(x, axes, true).shape, kept)
      const both = (t: Tensor) => reshape(op(t, axes), kept)
      return checkOp(both, [shape], (a) => every(a, kept, of), { gradient })
    })

for (const shape of [
  [34, 16, 3],
  [30, 18, 3],
  [26, 21, 3],
  [27, 19, 3],
])
  test(`sum over the first axes of ${shape}, so many that they are summed in parts where they divide`, () => {
    const y = (t: Tensor) => concat([sum(t, [0, 1], true), reshape(sum(t, [0, 1]), [1, 1, 3])], 0)
    const wanted = (x: ArrayLike<number>) =>
      fill([2, 1, 3], ([, , column]) => {
        let value = 0
        for (let i = column; i < x.length; i += 3) value += x[i]
        return value
      })
    return checkOp(y, [shape], wanted, { gradient: false })
  })

test('a reduction over no axis is the tensor itself', () => {
  const x = input('x', [2, 3])
  assert.equal(sum(x, []), x)
  assert.equal(max(x, []), x)
})

test('expand repeats new axes and axes of size 1', () =>
  checkOp(
    (x) => expand(x, [2, 3, 4]),
    [[3, 1]],
    (x) => fill([2, 3, 4], (p) => at(x, [3, 1], p)),
  ))

test('sumTo undoes expand', () =>
  checkOp(
    (x) => sumTo(x, [3, 1]),
    [[2, 3, 4]],
    (x) =>
      fill([3, 1], ([i]) => {
        let y = 0
        for (let a = 0; a < 2; a++) for (let b = 0; b < 4; b++) y += x[(a * 3 + i) * 4 + b]
        return y
      }),
  ))

test('an axis that x does not have, or one named twice, is refused', () => {
  const x = input('x', [2, 3])
  assert.throws(() => sum(x, 2), { message: 'sum: axes must be different axes of x (got x [2, 3], axes [2])' })
  assert.throws(() => sum(x, [0, -2]), {
    message: 'sum: axes must be different axes of x (got x [2, 3], axes [0, -2])',
  })
  assert.throws(() => max(x, -3), { message: 'max: axes must be different axes of x (got x [2, 3], axes [-3])' })
})

test('expand and sumTo refuse a shape that does not broadcast', () => {
  const x = input('x', [2, 3])
  assert.throws(() => expand(x, [3, 2]), { message: 'expand: x must broadcast to shape (got x [2, 3], shape [3, 2])' })
  assert.throws(() => sumTo(x, [3, 2]), { message: 'sumTo: shape must broadcast to x (got x [2, 3], shape [3, 2])' })
  assert.throws(() => sumTo(x, [4, 2, 3]), {
    message: 'sumTo: shape must broadcast to x (got x [2, 3], shape [4, 2, 3])',
  })
})

test('max has no gradient, and says so', () => {
  const x = input('x', [2, 3])
  assert.throws(() => grad(sum(max(x, 1)), [x]), { message: 'max: this op has no gradient (got y [2])' })
})
