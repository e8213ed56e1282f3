import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import { input, type Shape } from '../graph/index.ts'
import { avgPool, maxPool, type PoolOptions } from './pool.ts'

interface Flat {
  readonly kernel: number
  readonly stride: number
  readonly padding: number
}

/** What each window of rows × columns holds; elements of the padding are undefined. */
function windows(x: Float32Array, [B, C, H, W]: Shape, { kernel, stride, padding }: Flat) {
  const list: (number | undefined)[][] = []
  const out = (n: number) => Math.floor((n + 2 * padding - kernel) / stride) + 1
  for (let plane = 0; plane < B * C; plane++)
    for (let row = 0; row < out(H); row++)
      for (let column = 0; column < out(W); column++) {
        const window: (number | undefined)[] = []
        for (let i = 0; i < kernel; i++)
          for (let j = 0; j < kernel; j++) {
            const [y, z] = [row * stride + i - padding, column * stride + j - padding]
            window.push(y >= 0 && y < H && z >= 0 && z < W ? x[(plane * H + y) * W + z] : undefined)
          }
        list.push(window)
      }
  return list
}

const cases: [string, Shape, Flat][] = [
  ['2×2 windows side by side', [1, 2, 4, 6], { kernel: 2, stride: 2, padding: 0 }],
  ['2×2 windows that leave a rest', [1, 2, 5, 7], { kernel: 2, stride: 2, padding: 0 }],
  ['3×3 windows that overlap, with padding', [1, 2, 6, 5], { kernel: 3, stride: 2, padding: 1 }],
  ['3×3 windows side by side, with padding', [1, 2, 6, 6], { kernel: 3, stride: 3, padding: 1 }],
  ['3×3 windows at every place', [1, 1, 4, 4], { kernel: 3, stride: 1, padding: 1 }],
  ['windows with gaps between', [1, 1, 8, 7], { kernel: 2, stride: 3, padding: 0 }],
]

// All elements are different and further apart than the steps of the finite differences.
const apart = () => {
  let next = 0
  return () => ((next++ * 37) % 101) / 5 - 10
}

for (const [title, shape, options] of cases) {
  test(`maxPool takes the largest element and sends the gradient there: ${title}`, () =>
    checkOp(
      (x) => maxPool(x, options),
      [{ shape, draw: apart() }],
      (x) => windows(x, shape, options).map((w) => Math.max(...w.filter((v) => v !== undefined))),
    ))

  test(`avgPool takes the mean, zeros of the padding included: ${title}`, () =>
    checkOp(
      (x) => avgPool(x, options),
      [shape],
      (x) => windows(x, shape, options).map((w) => w.reduce<number>((sum, v) => sum + (v ?? 0), 0) / w.length),
    ))
}

test('of equal elements in a window the first gets the whole gradient', () =>
  checkOp(
    (x) => maxPool(x, { kernel: 3, stride: 2, padding: 1 }),
    [{ shape: [1, 1, 4, 4], draw: () => 0 }],
    // The first element of each window: max(0, …, 0) has the same value, and this slope.
    (x) => [x[0], x[1], x[4], x[5]],
  ))

test('pools work along one and along three axes', async () => {
  const three: PoolOptions = { kernel: [1, 2, 2] }
  await checkOp(
    (x) => maxPool(x, { kernel: 2 }),
    [{ shape: [1, 2, 6], draw: apart() }],
    (x) => Array.from({ length: 6 }, (_, i) => Math.max(x[2 * i], x[2 * i + 1])),
  )
  await checkOp(
    (x) => avgPool(x, three),
    [[1, 1, 3, 2, 4]],
    (x) =>
      Array.from({ length: 6 }, (_, i) => {
        const at = Math.floor(i / 2) * 8 + (i % 2) * 2
        return (x[at] + x[at + 1] + x[at + 4] + x[at + 5]) / 4
      }),
  )
})

test('pools refuse windows that do not fit', () => {
  const x = input('x', [1, 2, 4, 4])
  const message = (text: string) => ({ name: 'ShapeError', message: text })
  assert.throws(
    () => maxPool(x, { kernel: 5 }),
    message(
      'maxPool: the kernel must fit into the padded axes of x (got spatial [4, 4], kernel [5, 5], padding [0, 0])',
    ),
  )
  assert.throws(
    () => avgPool(x, { kernel: 2, padding: 2 }),
    message('avgPool: the padding must be less than the kernel (got padding [2, 2], kernel [2, 2])'),
  )
  assert.throws(
    () => maxPool(input('y', [2, 2]), { kernel: 2 }),
    message('maxPool: x must be [B, C, ...] with one to three more axes (got x [2, 2])'),
  )
})
