import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import { at, fill } from '../../test/positions.ts'
import { input, type Shape, type Tensor } from '../graph/index.ts'
import { greater } from './compare.ts'
import { chunk, concat, pad, reshape, slice, split, transpose, window } from './movement.ts'

const x = input('x', [2, 3, 4])

test('reshape keeps the order of the elements, and finds the size of one axis', () =>
  checkOp(
    (a) => reshape(reshape(a, [4, -1]), [3, 8]),
    [[2, 3, 4]],
    (a) => a,
  ))

test('reshape makes no node for the same shape, and one for two in a row', () => {
  assert.equal(reshape(x, [2, -1, 4]), x)
  assert.equal(reshape(reshape(x, [24]), [4, 6]).node.inputs[0], x)
})

test('reshape refuses a shape that holds another number of elements', () => {
  const message = 'reshape: shape must hold as many elements as x (got x [2, 3, 4], shape [5, 5])'
  assert.throws(() => reshape(x, [5, 5]), { name: 'ShapeError', message })
})

test('reshape refuses two open axes, and an open axis that does not come out whole', () => {
  const open = 'reshape: one axis at most may be −1, and its size must come out whole'
  assert.throws(() => reshape(x, [-1, -1]), { message: `${open} (got x [2, 3, 4], shape [-1, -1])` })
  assert.throws(() => reshape(x, [5, -1]), { message: `${open} (got x [2, 3, 4], shape [5, -1])` })
})

test('transpose puts axis perm[i] at place i', () =>
  checkOp(
    (a) => transpose(a, [2, 0, 3, 1]),
    [[2, 3, 4, 5]],
    (a) => fill([4, 2, 5, 3], ([i, j, k, l]) => at(a, [2, 3, 4, 5], [j, l, i, k])),
  ))

test('transpose without perm exchanges the last two axes', () =>
  checkOp(
    (a) => transpose(a),
    [[2, 3, 4]],
    (a) => fill([2, 4, 3], ([i, j, k]) => at(a, [2, 3, 4], [i, k, j])),
  ))

test('transpose refuses a perm that does not name each axis once', () => {
  const must = 'transpose: perm must name each axis of x once'
  assert.throws(() => transpose(x, [0, 1]), { message: `${must} (got x [2, 3, 4], perm [0, 1])` })
  assert.throws(() => transpose(x, [0, 1, 1]), { message: `${must} (got x [2, 3, 4], perm [0, 1, 1])` })
})

test('concat puts tensors of any size one after another', () =>
  checkOp(
    (a, b, c) => concat([a, b, c], -2),
    [
      [2, 1, 3],
      [2, 2, 3],
      [2, 4, 3],
    ],
    (a, b, c) =>
      fill([2, 7, 3], ([i, j, k]) =>
        j < 1 ? a[i * 3 + k] : j < 3 ? b[(i * 2 + j - 1) * 3 + k] : c[(i * 4 + j - 3) * 3 + k],
      ),
  ))

test('concat of one tensor is that tensor', () => assert.equal(concat([x], 0), x))

test('concat says which tensor does not fit, and which axis there is not', () => {
  assert.throws(() => concat([x, input('y', [2, 2, 3])], 1), {
    message: 'concat: all axes but 1 must agree (got first [2, 3, 4], other [2, 2, 3])',
  })
  assert.throws(() => concat([x, input('y', [2, 3, 4], 'int32')], 1), {
    message: 'concat: all tensors must have one type (got first float32, other int32)',
  })
  assert.throws(() => concat([x, x], 3), { message: 'concat: axis must be an axis of x (got x [2, 3, 4], axis 3)' })
  assert.throws(() => concat([], 0), { message: 'concat: there must be a tensor (got tensors 0)' })
})

test('split cuts an axis into parts, each with its own gradient', () =>
  checkOp(
    (a) => {
      const [p, q, r] = split(a, [1, 3, 2], 1)
      return concat([r, p, q], 1)
    },
    [[2, 6]],
    (a) => fill([2, 6], ([i, j]) => a[i * 6 + [4, 5, 0, 1, 2, 3][j]]),
  ))

test('a part of a split that nobody reads has the gradient 0', () =>
  checkOp(
    (a) => split(a, [2, 1, 2], 0)[1],
    [[5, 2]],
    (a) => a.slice(4, 6),
  ))

test('chunk cuts the last axis into equal parts', () =>
  checkOp(
    (a) => concat(chunk(a, 3).reverse(), -1),
    [[2, 6]],
    (a) => fill([2, 6], ([i, j]) => a[i * 6 + [4, 5, 2, 3, 0, 1][j]]),
  ))

test('split and chunk refuse sizes that do not fit', () => {
  const sizes = 'split: sizes must sum to the size of the axis (got x [2, 3, 4], axis 1, sizes [1, 1])'
  assert.throws(() => split(x, [1, 1], 1), { message: sizes })
  const parts = 'chunk: parts must divide the size of the axis (got x [2, 3, 4], axis -1, parts 3)'
  assert.throws(() => chunk(x, 3), { message: parts })
})

const slices: { title: string; of: (a: Tensor) => Tensor; axis: number; picks: number[] }[] = [
  { title: 'from start to end', of: (a) => slice(a, 1, 2, 5), axis: 1, picks: [2, 3, 4] },
  { title: 'positions from the end', of: (a) => slice(a, -2, -3, -1), axis: 1, picks: [5, 6] },
  { title: 'every third element', of: (a) => slice(a, 1, 1, 8, 3), axis: 1, picks: [1, 4, 7] },
  { title: 'every third element with a rest', of: (a) => slice(a, 1, 0, 6, 3), axis: 1, picks: [0, 3] },
  { title: 'every second one of the first axis', of: (a) => slice(a, 0, 0, 3, 2), axis: 0, picks: [0, 2] },
]
for (const { title, of, axis, picks } of slices)
  test(`slice takes ${title}`, () => {
    const shape: Shape = axis === 0 ? [picks.length, 8, 2] : [3, picks.length, 2]
    return checkOp(of, [[3, 8, 2]], (a) =>
      fill(shape, (p) =>
        at(
          a,
          [3, 8, 2],
          p.map((n, i) => (i === axis ? picks[n] : n)),
        ),
      ),
    )
  })

test('a slice of everything is the tensor itself', () => assert.equal(slice(x, 1, 0), x))

test('slice refuses positions outside the axis', () => {
  const must = 'slice: starts and ends must lie inside x, starts before ends'
  assert.throws(() => slice(x, 1, 1, 4), {
    message: `${must} (got x [2, 3, 4], starts [0, 1, 0], ends [2, 4, 4], steps [1, 1, 1])`,
  })
  assert.throws(() => slice(x, 2, 3, 3), {
    message: `${must} (got x [2, 3, 4], starts [0, 0, 3], ends [2, 3, 3], steps [1, 1, 1])`,
  })
})

test('pad adds elements of one value on both sides', () =>
  checkOp(
    (a) => pad(a, [1, 0], [2, 3], 0.5),
    [[2, 3]],
    (a) => fill([5, 6], ([i, j]) => (i >= 1 && i < 3 && j < 3 ? a[(i - 1) * 3 + j] : 0.5)),
  ))

test('pad works on whole numbers', () =>
  checkOp(
    (a) => pad(a, [1], [1], -7),
    [{ shape: [3], dtype: 'int32', below: 10 }],
    (a) => Float32Array.of(-7, ...a, -7),
    { gradient: false },
  ))

test('a window shows a part, with zeros where there is nothing', () =>
  checkOp(
    (a) => window(a, [-1, 1, 0], [3, 2, 4]),
    [[2, 3, 4]],
    (a) => fill([3, 2, 4], ([i, j, k]) => (i === 0 ? 0 : a[(i - 1) * 12 + (j + 1) * 4 + k])),
  ))

test('a window of the whole is the tensor itself, one beside it an error', () => {
  assert.equal(window(x, [0, 0, 0], [2, 3, 4]), x)
  assert.throws(() => window(x, [0, 3, 0], [2, 3, 4]), { message: /^window: the window must show something of x/ })
})

test('truths are not padded, as no engine on a graphics processor does that', () => {
  assert.throws(() => pad(greater(x, 0), [0, 0, 1], [0, 0, 0]), { message: /^pad: .*cast them to int32 first \(got x/ })
})

test('pad by nothing is the tensor itself, and by a negative size an error', () => {
  assert.equal(pad(x, [0, 0, 0], [0, 0, 0]), x)
  assert.throws(() => pad(x, [0, -1, 0], [0, 0, 0]), {
    message:
      'pad: before and after must give a size ≥ 0 for each axis of x (got x [2, 3, 4], before [0, -1, 0], after [0, 0, 0])',
  })
})
