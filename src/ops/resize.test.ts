import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import { input, type Shape } from '../graph/index.ts'
import { type ResizeOptions, resize } from './resize.ts'

/** Where an output element lies in the input, and what it reads: PyTorch's `upsample_nearest2d` and `upsample_bilinear2d`. */
function readings(n: number, size: number, step: number, { mode, alignCorners }: ResizeOptions): [number, number][][] {
  return Array.from({ length: size }, (_, i) => {
    if (mode !== 'linear') return [[Math.min(Math.floor(i * step), n - 1), 1]]
    const aligned = size > 1 ? (i * (n - 1)) / (size - 1) : 0
    const at = alignCorners ? aligned : Math.max((i + 0.5) * step - 0.5, 0)
    const low = Math.min(Math.floor(at), n - 1)
    return [
      [low, 1 - (at - low)],
      [Math.min(low + 1, n - 1), at - low],
    ]
  })
}

function loops(x: Float32Array, [B, C, H, W]: Shape, sizes: Shape, options: ResizeOptions) {
  const { factor } = options
  const step = (n: number, size: number) => (typeof factor === 'number' ? 1 / factor : n / size)
  const rows = readings(H, sizes[0], step(H, sizes[0]), options)
  const columns = readings(W, sizes[1], step(W, sizes[1]), options)
  const y: number[] = []
  for (let plane = 0; plane < B * C; plane++)
    for (const row of rows)
      for (const column of columns)
        y.push(
          row
            .flatMap(([r, a]) => column.map(([c, b]) => a * b * x[(plane * H + r) * W + c]))
            .reduce((s, v) => s + v, 0),
        )
  return y
}

const cases: [string, Shape, Shape, ResizeOptions][] = [
  ['nearest, twice the size', [2, 2, 3, 4], [6, 8], { factor: 2 }],
  ['nearest, half the size', [1, 2, 4, 6], [2, 3], { factor: 0.5 }],
  ['nearest, to any size', [1, 2, 5, 3], [7, 2], { size: [7, 2] }],
  ['nearest, by a fraction', [1, 2, 5, 3], [7, 4], { factor: 1.5 }],
  ['linear, twice the size', [2, 2, 3, 4], [6, 8], { factor: 2, mode: 'linear' }],
  ['linear, to any size', [1, 2, 5, 3], [7, 2], { size: [7, 2], mode: 'linear' }],
  ['linear, by a fraction', [1, 2, 5, 3], [7, 4], { factor: 1.5, mode: 'linear' }],
  ['linear, corners aligned', [1, 2, 3, 5], [7, 2], { size: [7, 2], mode: 'linear', alignCorners: true }],
  ['linear, corners aligned, to one row', [1, 2, 3, 5], [1, 4], { size: [1, 4], mode: 'linear', alignCorners: true }],
  ['linear, in one axis only', [1, 2, 3, 5], [3, 8], { size: [3, 8], mode: 'linear' }],
]
for (const [title, from, sizes, options] of cases)
  test(`resize equals plain loops: ${title}`, () =>
    checkOp(
      (x) => resize(x, options),
      [from],
      (x) => loops(x, from, sizes, options),
    ))

test('resize works along one and along three axes', async () => {
  await checkOp(
    (x) => resize(x, { size: 3, mode: 'linear' }),
    [[1, 2, 6]],
    (x) => Array.from({ length: 6 }, (_, i) => (x[2 * i] + x[2 * i + 1]) / 2),
  )
  const planes = [1, 1, 2, 3, 4]
  await checkOp(
    (x) => resize(x, { size: [4, 6, 2], mode: 'linear' }),
    [planes],
    (x) => {
      const flat = [0, 1].map((t) =>
        loops(x.subarray(t * 12, t * 12 + 12), [1, 1, 3, 4], [6, 2], { size: [6, 2], mode: 'linear' }),
      )
      return [0, 0.25, 0.75, 1].flatMap((share) => flat[0].map((v, i) => v * (1 - share) + flat[1][i] * share))
    },
  )
})

test('resize refuses sizes that make no sense', () => {
  const x = input('x', [1, 2, 4, 4])
  const message = (text: string) => ({ name: 'ShapeError', message: text })
  assert.throws(
    () => resize(x, {}),
    message('resize: either size or factor must be given, once or for each spatial axis (got x [1, 2, 4, 4])'),
  )
  assert.throws(
    () => resize(x, { factor: 0.1 }),
    message('resize: every new size must be a positive whole number (got x [1, 2, 4, 4], sizes [0, 0])'),
  )
  assert.throws(
    () => resize(x, { size: 8, alignCorners: true }),
    message('resize: alignCorners needs mode linear (got x [1, 2, 4, 4], mode nearest)'),
  )
})
