import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import { generator } from '../../test/draw.ts'
import { evaluate } from '../../test/on-node.ts'
import { input, type Shape, size, strides } from '../graph/index.ts'
import { transpose } from './movement.ts'
import { transposeSteps } from './transpose-steps.ts'

/** Plain loops. */
function transposed(x: ArrayLike<number>, shape: Shape, perm: readonly number[]): Float32Array {
  const from = perm.map((axis) => strides(shape)[axis])
  const to = strides(perm.map((axis) => shape[axis]))
  return Float32Array.from(
    { length: x.length },
    (_, i) => x[from.reduce((at, stride, k) => at + stride * (Math.floor(i / to[k]) % shape[perm[k]]), 0)],
  )
}

const applied = (x: Float32Array, shape: Shape, perm: readonly number[]) =>
  transposeSteps(shape, perm).reduce((y, step) => transposed(y, step.shape, step.perm), x)

test('the steps of a transposition do what it does', () => {
  const seed = Math.floor(Math.random() * 1e6)
  const uniform = generator(seed)
  for (let i = 0; i < 100; i++) {
    const rank = 2 + Math.floor(uniform() * 5)
    const shape = Array.from({ length: rank }, () => 1 + Math.floor(uniform() * 8))
    shape[0] = Math.max(shape[0], Math.ceil(4200 / size(shape.slice(1)))) // large enough for more than one step
    const perm = Array.from(shape.keys(), (axis) => ({ axis, at: uniform() }))
      .sort((a, b) => a.at - b.at)
      .map(({ axis }) => axis)
    const x = Float32Array.from({ length: size(shape) }, (_, k) => k)
    assert.deepEqual(applied(x, shape, perm), transposed(x, shape, perm), `[${shape}] ${perm}, seed ${seed}`)
  }
})

test('pixels leave channels in two moves of one group each, instead of one by one', () => {
  const oneGroup = ({ perm }: { perm: readonly number[] }) =>
    perm.some((_, axis) => perm.filter((other) => other !== axis).every((n, i, rest) => i === 0 || n > rest[i - 1]))
  for (const [shape, perm] of [
    [
      [68, 4, 2, 2, 64, 64],
      [0, 1, 4, 2, 5, 3],
    ],
    [
      [64, 64, 256],
      [2, 1, 0],
    ],
  ]) {
    const steps = transposeSteps(shape, perm)
    assert.equal(steps.length, 2)
    assert.ok(steps.every(oneGroup))
  }
})

test('one step is enough where one axis moves, the array is small, or long runs stay together', () => {
  for (const [shape, perm] of [
    [
      [256, 64, 64],
      [1, 0, 2],
    ],
    [
      [16, 32, 64, 64],
      [0, 2, 3, 1],
    ],
    [
      [4, 3, 2],
      [2, 1, 0],
    ],
    [
      [16, 8, 8, 8, 64],
      [0, 3, 2, 1, 4],
    ],
  ])
    assert.deepEqual(transposeSteps(shape, perm), [{ shape, perm }])
})

test('groups of axes that change places as a whole are a plain matrix transposition', () => {
  assert.deepEqual(transposeSteps([9, 8, 8, 4, 24], [3, 4, 0, 1, 2]), [{ shape: [576, 96], perm: [1, 0] }])
})

test('axes of size 1 may move freely', () => {
  assert.deepEqual(transposeSteps([1, 64, 1, 256], [2, 1, 3, 0]), [])
})

test('the engine agrees, in a graph and in its gradient', () =>
  checkOp(
    (x) => transpose(x, [4, 1, 2, 0, 3]),
    [[6, 4, 5, 6, 8]],
    (x) => transposed(x, [6, 4, 5, 6, 8], [4, 1, 2, 0, 3]),
  ))

test('a transposition without any move is a reshape', async () => {
  const x = Float32Array.of(1, 2, 3)
  const { y } = await evaluate({ y: transpose(input('x', [1, 3]), [1, 0]) }, { x })
  assert.deepEqual(y, x)
})
