import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import { input, type Shape, size, strides } from '../graph/index.ts'
import { grad } from '../transform/grad.ts'
import { type ConvOptions, type ConvTransposeOptions, conv, convTranspose } from './conv.ts'
import { geometryOf, places, type WindowOptions } from './conv-geometry.ts'
import { square } from './elementwise.ts'
import { concat, reshape } from './movement.ts'
import { sum } from './reduce.ts'

type Options = WindowOptions & { groups?: number }

/** Visits all index vectors inside a shape. */
function each(shape: Shape, visit: (at: number[]) => void) {
  const at = shape.map(() => 0)
  for (let n = size(shape); n > 0; n--) {
    visit(at)
    for (let i = shape.length - 1; i >= 0 && ++at[i] === shape[i]; i--) at[i] = 0
  }
}

/** The products of a convolution, one after another: positions of their elements of x, of w and of y. */
function products(x: Shape, w: Shape, y: Shape, options: Options): Int32Array {
  const { groups = 1 } = options
  const { stride, before, dilation } = geometryOf('test', x.length - 2, options)
  const [sx, sw, sy] = [strides(x), strides(w), strides(y)]
  const place = (at: number[], steps: number[]) => at.reduce((sum, n, i) => sum + n * steps[i], 0)
  const list: number[] = []
  each(y, ([b, o, ...out]) => {
    const group = Math.floor(o / (w[0] / groups))
    each(w.slice(1), ([c, ...tap]) => {
      const from = out.map((n, i) => n * stride[i] + tap[i] * dilation[i] - before[i])
      if (from.some((n, i) => n < 0 || n >= x[i + 2])) return
      list.push(place([b, group * w[1] + c, ...from], sx), place([o, c, ...tap], sw), place([b, o, ...out], sy))
    })
  })
  return Int32Array.from(list)
}

/** Where the sums of each channel start. */
const biased = (y: Shape, bias: Float32Array) =>
  Float64Array.from({ length: size(y) }, (_, i) => bias[Math.floor(i / size(y.slice(2))) % y[1]])

const outShape = (x: Shape, w: Shape, options: Options): Shape => [
  x[0],
  w[0],
  ...places('test', x.slice(2), w.slice(2), geometryOf('test', x.length - 2, options)),
]

/** A convolution and its adjoint, in which x and y change places. */
function loops(x: Shape, w: Shape, options: Options) {
  const y = outShape(x, w, options)
  const list = products(x, w, y, options)
  return {
    there(xs: Float32Array, ws: Float32Array, bias: Float32Array) {
      const ys = biased(y, bias)
      for (let i = 0; i < list.length; i += 3) ys[list[i + 2]] += xs[list[i]] * ws[list[i + 1]]
      return ys
    },
    back(ys: Float32Array, ws: Float32Array, bias: Float32Array) {
      const xs = biased(x, bias)
      for (let i = 0; i < list.length; i += 3) xs[list[i]] += ys[list[i + 2]] * ws[list[i + 1]]
      return xs
    },
  }
}

const cases: [string, Shape, Shape, Options][] = [
  ['3×3, padding 1', [2, 10, 5, 4], [4, 10, 3, 3], { padding: 1 }],
  ['1×1 with stride 2', [2, 3, 5, 4], [4, 3, 1, 1], { stride: 2 }],
  [
    '3×3 with stride 2 and padding on one side',
    [1, 2, 6, 4],
    [3, 2, 3, 3],
    {
      stride: 2,
      padding: [
        [0, 1],
        [0, 1],
      ],
    },
  ],
  ['7×7 with stride 2', [1, 2, 9, 8], [3, 2, 7, 7], { stride: 2, padding: 3 }],
  ['3×2 with stride 3, where the last rows are never read', [1, 2, 8, 7], [3, 2, 3, 2], { stride: 3 }],
  ['stride and dilation', [1, 2, 7, 8], [3, 2, 3, 3], { stride: [2, 1], dilation: [1, 2], padding: [2, 0] }],
  ['more padding than the kernel reaches', [1, 2, 3, 3], [2, 2, 1, 2], { padding: [2, [3, 0]] }],
  ['many places', [2, 2, 24, 25], [3, 2, 3, 2], { padding: [[0, 1], 1], dilation: [2, 1] }],
  ['many places, one row, where taps see padding alone', [1, 9, 1, 230], [2, 9, 3, 3], { padding: 1 }],
  ['many places, many channels', [2, 9, 23, 23], [2, 9, 1, 2], {}],
  ['blocks of channels', [1, 16, 8, 32], [16, 16, 1, 2], { padding: [0, [0, 1]] }],
  ['blocks of places', [2, 3, 14, 16], [16, 3, 3, 3], { padding: 1 }],
  [
    'blocks of places, uneven',
    [1, 5, 16, 16],
    [16, 5, 2, 3],
    {
      padding: [
        [0, 3],
        [2, 1],
      ],
      dilation: [2, 1],
    },
  ],
  ['two groups with stride 2', [2, 4, 5, 4], [6, 2, 3, 3], { padding: 1, stride: 2, groups: 2 }],
  ['a group for each channel', [2, 4, 4, 4], [4, 1, 3, 3], { padding: 1, groups: 4 }],
  ['a group for each channel, two outputs each', [2, 3, 4, 4], [6, 1, 3, 3], { stride: 2, padding: 1, groups: 3 }],
  ['many places, two groups', [1, 4, 23, 24], [4, 2, 2, 2], { groups: 2 }],
  ['patches without overlap', [2, 3, 4, 6], [5, 3, 2, 3], { stride: [2, 3] }],
  ['3×3 side by side, with padding', [1, 2, 6, 6], [3, 2, 3, 3], { stride: 3, padding: 1 }],
  ['2×2 side by side, padding in front', [1, 2, 4, 6], [3, 2, 2, 2], { stride: 2, padding: [[1, 0], 0] }],
  ['a window that sees padding alone', [1, 2, 1, 1], [2, 2, 1, 1], { stride: 3, padding: 1 }],
  ['patches that leave a rest', [2, 3, 5, 6], [5, 3, 2, 3], { stride: [2, 3] }],
  [
    'windows that see padding alone, in groups',
    [2, 6, 1, 10],
    [6, 2, 2, 1],
    {
      stride: 2,
      padding: [
        [2, 0],
        [4, 2],
      ],
      groups: 3,
    },
  ],
  [
    'three axes, windows that see padding alone',
    [1, 3, 1, 1, 5],
    [2, 3, 2, 3, 3],
    {
      stride: [3, 4, 1],
      padding: [
        [3, 0],
        [1, 1],
        [4, 0],
      ],
    },
  ],
  ['one axis', [2, 3, 8], [4, 3, 3], { padding: 1 }],
  ['one axis with stride 2', [2, 3, 8], [4, 3, 4], { padding: 1, stride: 2 }],
  ['three axes, causal in the first', [1, 2, 3, 4, 3], [3, 2, 3, 3, 3], { padding: [[2, 0], 1, 1] }],
  ['three axes, many places', [1, 2, 5, 9, 12], [2, 2, 2, 3, 1], { padding: [[1, 0], 1, 0] }],
  ['three axes with stride 2', [1, 2, 5, 4, 4], [3, 2, 3, 3, 3], { padding: [[2, 0], 1, [0, 1]], stride: 2 }],
  ['three axes, stride and dilation', [1, 2, 4, 7, 6], [3, 2, 1, 3, 2], { stride: [1, 2, 3], dilation: [1, 2, 2] }],
  ['three axes, groups', [1, 4, 3, 4, 4], [4, 2, 2, 3, 3], { stride: [1, 2, 2], padding: [0, 1, 1], groups: 2 }],
]

for (const [title, x, w, options] of cases)
  test(`a convolution and its adjoint equal plain loops, and so do their gradients: ${title}`, () => {
    const y = outShape(x, w, options)
    const { stride, before, after, dilation } = geometryOf('test', x.length - 2, options)
    const outputPadding = stride.map((s, i) => {
      const least = (y[i + 2] - 1) * s + dilation[i] * (w[i + 2] - 1) + 1 - before[i] - after[i]
      return x[i + 2] - least
    })
    const { there, back } = loops(x, w, options)
    return checkOp(
      (a, b, bias, c, bias2) => {
        const forward = conv(a, b, { ...options, bias })
        const adjoint = convTranspose(c, b, { ...options, outputPadding, bias: bias2 })
        return concat([reshape(forward, [-1]), reshape(adjoint, [-1])], 0)
      },
      [x, w, [w[0]], y, [x[1]]],
      (a, b, bias, c, bias2) => [...there(a, b, bias), ...back(c, b, bias2)],
    )
  })

for (const [title, x, w, options] of [
  ['stride 1', [2, 2, 5, 4], [3, 2, 3, 2], { padding: [[1, 0], 1] }],
  ['stride 2 and groups', [1, 4, 6, 7], [2, 2, 3, 3], { padding: 1, stride: 2, groups: 2 }],
] as [string, Shape, Shape, Options][])
  test(`a convolution has a second gradient, through that of its weights too: ${title}`, () => {
    const { there } = loops(x, w, options)
    const y = outShape(x, w, options)
    const list = products(x, w, y, options)
    return checkOp(
      (a, b) => grad(sum(square(conv(a, b, options))), [b])[0],
      [x, w],
      (a, b) => {
        const ys = there(a, b, new Float32Array(y[1]))
        const dw = new Float64Array(b.length)
        for (let i = 0; i < list.length; i += 3) dw[list[i + 1]] += 2 * ys[list[i + 2]] * a[list[i]]
        return dw
      },
    )
  })

test('a convolution refuses shapes that do not fit, and says which', () => {
  const x = input('x', [1, 4, 8, 8])
  const refuse = (w: Shape, options: ConvOptions, message: string) =>
    assert.throws(() => conv(x, input('w', w), options), { name: 'ShapeError', message })
  refuse(
    [8, 3, 3, 3],
    {},
    'conv: the second axis of w must be the channels of x / groups (got x [1, 4, 8, 8], w [8, 3, 3, 3], groups 1)',
  )
  refuse(
    [8, 4, 3],
    {},
    'conv: x must be [B, C, ...] with one to three more axes, and w must have as many axes (got x [1, 4, 8, 8], w [8, 4, 3])',
  )
  refuse(
    [8, 4, 3, 3],
    { groups: 3 },
    'conv: groups must divide the channels of x and the first axis of w (got x [1, 4, 8, 8], w [8, 4, 3, 3], groups 3)',
  )
  refuse(
    [8, 4, 9, 3],
    {},
    'conv: the kernel must fit into the padded axes of x (got spatial [8, 8], kernel [9, 3], padding [0, 0])',
  )
  refuse(
    [8, 4, 3, 3],
    { stride: 0 },
    'conv: stride must be a positive whole number, or one for each of 2 axes (got stride 0)',
  )
  refuse(
    [8, 4, 3, 3],
    { padding: [1] },
    'conv: padding must be a whole number ≥ 0, or one or two for each of 2 axes (got before [1], after [1])',
  )
  refuse(
    [8, 4, 3, 3],
    { bias: input('b', [4]) },
    'conv: the bias must hold one number for each of 8 output channels (got bias [4])',
  )
})

test('one axis, or two, are too few for a convolution and its adjoint', () => {
  const message = /^(conv|convTranspose): x must be \[B, C, \.\.\.\] with one to three more axes/
  for (const op of [conv, convTranspose])
    for (const shape of [[], [4], [4, 4]])
      assert.throws(() => op(input('x', shape), input('w', shape)), { name: 'ShapeError', message })
})

test('a transposed convolution refuses shapes that do not fit, and says which', () => {
  const x = input('x', [1, 4, 8, 8])
  const refuse = (w: Shape, options: ConvTransposeOptions, message: string) =>
    assert.throws(() => convTranspose(x, input('w', w), options), { name: 'ShapeError', message })
  refuse(
    [8, 4, 3, 3],
    {},
    'convTranspose: the first axis of w must be the channels of x (got x [1, 4, 8, 8], w [8, 4, 3, 3])',
  )
  refuse(
    [4, 8, 3, 3],
    { stride: 2, outputPadding: 2 },
    'convTranspose: outputPadding must be a whole number ≥ 0 and less than the stride (got outputPadding 2, stride [2, 2])',
  )
  refuse(
    [4, 8, 1, 1],
    { padding: 4 },
    'convTranspose: the padding must leave something of y (got x [1, 4, 8, 8], w [4, 8, 1, 1], sizes [0, 0])',
  )
})
