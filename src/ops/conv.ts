import { emit, input, make, type Op, type Shape, ShapeError, size, type Tensor } from '../graph/index.ts'
import { add, mul } from './arithmetic.ts'
import { blockedConv, blockedGradient, isBlocked, isBlockedGradient } from './conv-blocked.ts'
import {
  type Geometry,
  geometryOf,
  places,
  reach,
  tiles,
  type WindowOptions,
  windowAttributes,
} from './conv-geometry.ts'
import { tapProducts, type WeightGeometry } from './conv-weight.ts'
import { flip } from './flip.ts'
import { gemm, matmul } from './matmul.ts'
import { dilate, pad, reshape, slice, transpose } from './movement.ts'
import { perChannel } from './norm.ts'
import { expand, sum } from './reduce.ts'

/** Settings of a convolution. */
export interface ConvOptions extends WindowOptions {
  readonly bias?: Tensor // [O]
  readonly groups?: number // parts of the channels that do not see each other
}

/** Settings of a transposed convolution. */
export interface ConvTransposeOptions extends ConvOptions {
  readonly outputPadding?: number | readonly number[] // elements added behind each axis of y, less than the stride
}

interface ConvAttrs extends Geometry {
  readonly groups: number
}

function checkKernel(op: string, x: Tensor, w: Tensor, groups: number) {
  const rank = x.shape.length
  if (rank < 3 || rank > 5 || w.shape.length !== rank)
    throw new ShapeError(op, 'x must be [B, C, ...] with one to three more axes, and w must have as many axes', {
      x,
      w,
    })
  if (!Number.isInteger(groups) || groups < 1 || x.shape[1] % groups !== 0 || w.shape[0] % groups !== 0)
    throw new ShapeError(op, 'groups must divide the channels of x and the first axis of w', { x, w, groups })
}

function checkBias(op: string, bias: Tensor | undefined, channels: number) {
  if (bias && (bias.shape.length !== 1 || bias.shape[0] !== channels))
    throw new ShapeError(op, `the bias must hold one number for each of ${channels} output channels`, { bias })
}

const Conv: Op<ConvAttrs> = {
  name: 'conv',
  shape([x, w, bias], attrs) {
    checkKernel('conv', x, w, attrs.groups)
    const [O, I, ...kernel] = w.shape
    if (I * attrs.groups !== x.shape[1])
      throw new ShapeError('conv', 'the second axis of w must be the channels of x / groups', {
        x,
        w,
        groups: attrs.groups,
      })
    checkBias('conv', bias, O)
    return [x.shape[0], O, ...places('conv', x.shape.slice(2), kernel, attrs)]
  },
  grad(dy, { inputs: [x, w, bias], attrs }) {
    return [inputGradient(dy, w, x.shape.slice(2), attrs), weightGradient(x, dy, w, attrs), bias && biasGradient(dy)]
  },
  lower({ inputs: [x, w], attrs }, inputs, onnx) {
    if (isBlocked(x.shape, w.shape, attrs, onnx.channelBlock))
      return blockedConv(inputs, { x: x.shape, w: w.shape }, attrs, onnx)
    const window = windowAttributes(w.shape.slice(2), attrs)
    const plain = attrs.groups === 1 || (w.shape[0] === attrs.groups && x.shape.length < 5)
    if (plain || onnx.target === 'cpu') return onnx.node('Conv', inputs, { ...window, group: attrs.groups })
    // On WebGPU, groups with several outputs each are wrong, and in three dimensions there are none.
    const sizes = (n: number) => onnx.ints(new Array<number>(attrs.groups).fill(n / attrs.groups))
    const xs = onnx.nodes('Split', [inputs[0], sizes(x.shape[1])], attrs.groups, { axis: 1 })
    const [ws, biases] = inputs
      .slice(1)
      .map((value) => onnx.nodes('Split', [value, sizes(w.shape[0])], attrs.groups, { axis: 0 }))
    const parts = xs.map((part, i) => onnx.node('Conv', [part, ws[i], ...(biases ? [biases[i]] : [])], window))
    return onnx.node('Concat', parts, { axis: 1 })
  },
  copies: ({ inputs: [x, w], outputs: [y], attrs }, block) => (isBlocked(x.shape, w.shape, attrs, block) ? [x, y] : []),
  flops: ({ inputs: [, w], outputs: [y] }) => 2 * size(y.shape) * size(w.shape.slice(1)),
}

/** Gradient of a convolution's weights, from its input x [B, C, ...] and that of its output: → [O, C / groups, ...kernel]. */
const ConvWeight: Op<WeightGeometry> = {
  name: 'convWeight',
  shape: ([x, dy], { groups, kernel }) => [dy.shape[1], x.shape[1] / groups, ...kernel],
  grad: (dw, { inputs: [x, dy], attrs: { kernel: _, ...geometry } }) => [
    inputGradient(dy, dw, x.shape.slice(2), geometry),
    make(Conv, [x, dw], geometry),
  ],
  lower({ inputs, attrs }, values, onnx) {
    const shapes = { x: inputs[0].shape, dy: inputs[1].shape }
    if (isBlockedGradient(shapes, attrs, onnx.channelBlock)) return blockedGradient(values, shapes, attrs, onnx)
    const [x, dy] = inputs.map(({ shape }, i) => input(values[i], shape))
    return emit(tapProducts(x, dy, attrs), onnx)
  },
  // dy twice: it is moved too
  copies: ({ inputs: [x, dy], attrs }, block) =>
    isBlockedGradient({ x: x.shape, dy: dy.shape }, attrs, block) ? [x, dy, dy] : [],
  flops: ({ inputs: [x, dy], attrs: { groups, kernel } }) => 2 * size(dy.shape) * (x.shape[1] / groups) * size(kernel),
}

const weightGradient = (x: Tensor, dy: Tensor, w: Tensor, geometry: ConvAttrs): Tensor =>
  make(ConvWeight, [x, dy], { ...geometry, kernel: w.shape.slice(2) })

/**
 * Convolution (cross-correlation, as everywhere in deep learning): x [B, C, ...], w [O, C / groups, ...kernel] →
 * [B, O, ...], with one, two or three spatial axes.
 */
export function conv(x: Tensor, w: Tensor, options: ConvOptions = {}): Tensor {
  const { bias, groups = 1 } = options
  checkKernel('conv', x, w, groups)
  const attrs = { ...geometryOf('conv', x.shape.length - 2, options), groups }
  const inputs = bias ? [x, w, bias] : [x, w]
  const [, , ...out] = Conv.shape(inputs, attrs) as Shape
  return tiles(x.shape.slice(2), out, w.shape.slice(2), attrs) && groups === 1 && size(w.shape.slice(2)) > 1
    ? patches(x, w, bias)
    : make(Conv, inputs, attrs)
}

/** A convolution whose windows tile x without overlap is a linear layer on each window. */
function patches(x: Tensor, w: Tensor, bias: Tensor | undefined): Tensor {
  const [B, C, ...spatial] = x.shape
  const [O, , ...kernel] = w.shape
  const rank = spatial.length
  const out = spatial.map((n, i) => n / kernel[i])
  const axes = [...spatial.keys()]
  const cut = reshape(x, [B, C, ...axes.flatMap((i) => [out[i], kernel[i]])])
  const windows = transpose(cut, [0, ...axes.map((i) => 2 + 2 * i), 1, ...axes.map((i) => 3 + 2 * i)])
  const rows = reshape(windows, [B * size(out), C * size(kernel)])
  const matrix = reshape(w, [O, C * size(kernel)])
  const y = bias ? gemm(rows, matrix, bias, { transposeB: true }) : matmul(rows, matrix, { transposeB: true })
  return transpose(reshape(y, [B, ...out, O]), [0, rank + 1, ...axes.map((i) => i + 1)])
}

const biasGradient = (dy: Tensor): Tensor =>
  sum(
    dy,
    [...dy.shape.keys()].filter((axis) => axis !== 1),
  )

/** Gradient of a convolution's input: the transposed convolution that gives back the sizes of x. */
function inputGradient(dy: Tensor, w: Tensor, sizes: Shape, attrs: ConvAttrs): Tensor {
  const least = transposedSizes(dy.shape.slice(2), w.shape.slice(2), attrs)
  return transposed(
    [dy, w],
    attrs,
    sizes.map((n, i) => n - least[i]),
  )
}

/** Spatial sizes of a transposed convolution without output padding. */
function transposedSizes(spatial: Shape, kernel: Shape, attrs: Geometry): number[] {
  const reached = reach(kernel, attrs)
  return spatial.map((n, i) => (n - 1) * attrs.stride[i] + reached[i] - attrs.before[i] - attrs.after[i])
}

interface TransposeAttrs extends ConvAttrs {
  readonly extra: readonly number[] // output padding
}

const ConvTranspose: Op<TransposeAttrs> = {
  name: 'convTranspose',
  shape([x, w, bias], attrs) {
    checkKernel('convTranspose', x, w, attrs.groups)
    const [C, O, ...kernel] = w.shape
    if (C !== x.shape[1])
      throw new ShapeError('convTranspose', 'the first axis of w must be the channels of x', { x, w })
    checkBias('convTranspose', bias, O * attrs.groups)
    const sizes = transposedSizes(x.shape.slice(2), kernel, attrs).map((n, i) => n + attrs.extra[i])
    if (sizes.some((n) => n < 1))
      throw new ShapeError('convTranspose', 'the padding must leave something of y', { x, w, sizes })
    return [x.shape[0], O * attrs.groups, ...sizes]
  },
  grad(dy, { inputs: [x, w, bias], attrs }) {
    const { extra: _, ...geometry } = attrs
    // What reads dy backwards must make exactly the places of x, so the rows that output padding added are not read.
    const dx = make(Conv, [dy, w], geometry)
    return [dx, weightGradient(dy, x, w, geometry), bias && biasGradient(dy)]
  },
  lower({ inputs: [, w], attrs }, inputs, onnx) {
    const window = windowAttributes(w.shape.slice(2), attrs)
    return onnx.node('ConvTranspose', inputs, { ...window, output_padding: attrs.extra, group: attrs.groups })
  },
  flops: ({ inputs: [x, w] }) => 2 * size(x.shape) * size(w.shape.slice(1)),
}

/** Transposed convolution, the adjoint of `conv`: x [B, C, ...], w [C, O / groups, ...kernel] → [B, O, ...]. */
export function convTranspose(x: Tensor, w: Tensor, options: ConvTransposeOptions = {}): Tensor {
  const { bias, groups = 1, outputPadding = 0 } = options
  checkKernel('convTranspose', x, w, groups)
  const rank = x.shape.length - 2
  const attrs = { ...geometryOf('convTranspose', rank, options), groups }
  const extra = typeof outputPadding === 'number' ? new Array<number>(rank).fill(outputPadding) : outputPadding
  if (extra.length !== rank || extra.some((n, i) => !Number.isInteger(n) || n < 0 || n >= attrs.stride[i]))
    throw new ShapeError('convTranspose', 'outputPadding must be a whole number ≥ 0 and less than the stride', {
      outputPadding,
      stride: attrs.stride,
    })
  return transposed(bias ? [x, w, bias] : [x, w], attrs, extra)
}

/**
 * Stride 1 is a convolution with turned weights. Larger strides are the engine's ConvTranspose; but with groups it is
 * wrong on WebGPU, and in three dimensions it is slow on the CPU and fails on WebGPU: there, plain convolutions.
 */
function transposed(inputs: readonly Tensor[], attrs: ConvAttrs, extra: readonly number[]): Tensor {
  const [x, w, bias] = inputs
  const { stride, before, dilation, groups } = attrs
  const sizes = (ConvTranspose.shape(inputs, { ...attrs, extra }) as Shape).slice(2)
  if (stride.every((s) => s === 1)) {
    const lead = before.map((n, i) => dilation[i] * (w.shape[i + 2] - 1) - n)
    const tail = lead.map((n, i) => sizes[i] + dilation[i] * (w.shape[i + 2] - 1) - n - x.shape[i + 2])
    const { seen, padding } = cropped(x, lead, tail)
    return make(Conv, [seen, turned(w, groups), ...(bias ? [bias] : [])], { ...attrs, ...padding })
  }
  if (groups === 1 && x.shape.length < 5) return make(ConvTranspose, inputs, { ...attrs, extra })
  const y = phases(x, w, sizes, attrs)
  return bias ? add(y, perChannel(bias, y)) : y
}

/** x and its padding, where padding less than nothing takes elements away. */
function cropped(x: Tensor, lead: readonly number[], tail: readonly number[]) {
  const seen = lead.reduce((t, n, i) => slice(t, i + 2, Math.max(-n, 0), x.shape[i + 2] + Math.min(tail[i], 0)), x)
  const positive = (list: readonly number[]) => list.map((n) => Math.max(n, 0))
  return { seen, padding: { before: positive(lead), after: positive(tail) } }
}

/**
 * [C, O / groups, ...kernel] → [O, C / groups, ...kernel], each kernel turned round. Two plain matrix transpositions
 * and rows in reverse are six times faster than turning the kernels one by one.
 */
function turned(w: Tensor, groups: number): Tensor {
  const [C, O, ...kernel] = w.shape
  const taps = size(kernel)
  const matrices = transpose(reshape(w, [groups, C / groups, O * taps])) // [g, O · taps, C]
  const reversed = flip(reshape(matrices, [groups * O, taps, C / groups]), 1)
  return reshape(transpose(reversed), [groups * O, C / groups, ...kernel])
}

/**
 * A transposed convolution without one: each phase of y (its positions with one remainder by the stride) is a plain
 * convolution of x with every stride-th tap. All phases are channels of one convolution, interleaved afterwards.
 */
function phases(x: Tensor, w: Tensor, sizes: Shape, { stride, before, dilation, groups }: ConvAttrs): Tensor {
  const axes = [...stride.keys()]
  const spread = dilate(w, [1, 1, ...dilation])
  const taps = axes.map((i) => Math.ceil(spread.shape[i + 2] / stride[i])) // of each phase
  const first = axes.map((i) => Math.floor(before[i] / stride[i]))
  const last = axes.map((i) => Math.floor((sizes[i] - 1 + before[i]) / stride[i]))
  const lead = axes.map((i) => taps[i] - 1 - first[i])
  const tail = axes.map((i) => last[i] - x.shape[i + 2] + 1)
  const O = w.shape[1] * groups
  // Every window of x saw padding alone.
  if (axes.some((i) => x.shape[i + 2] + Math.min(tail[i], 0) <= Math.max(-lead[i], 0)))
    return expand(mul(add(sum(x), sum(w)), 0), [x.shape[0], O, ...sizes])
  const { seen, padding } = cropped(x, lead, tail)
  const ones = axes.map(() => 1)
  const window = { stride: ones, dilation: ones, ...padding, groups }
  const y = make(Conv, [seen, phaseKernel(spread, taps, stride, groups)], window) // [B, O · phases, ...]
  const [B, , ...places] = y.shape
  const apart = reshape(y, [B, O, ...stride, ...places])
  const order = axes.flatMap((i) => [2 + axes.length + i, 2 + i])
  const woven = reshape(transpose(apart, [0, 1, ...order]), [B, O, ...axes.map((i) => places[i] * stride[i])])
  return axes.reduce((t, i) => {
    const start = before[i] - first[i] * stride[i]
    return slice(t, i + 2, start, start + sizes[i])
  }, woven)
}

/** [C, O / groups, ...kernel] → [O · phases, C / groups, ...taps], each phase's taps turned round. */
function phaseKernel(w: Tensor, taps: Shape, stride: Shape, groups: number): Tensor {
  const [C, O, ...kernel] = w.shape
  const axes = [...taps.keys()]
  const missing = kernel.map((k, i) => taps[i] * stride[i] - k)
  const whole = pad(w, [0, 0, ...axes.map(() => 0)], [0, 0, ...missing])
  const kernels = reshape(turned(whole, groups), [groups * O, C / groups, ...axes.flatMap((i) => [taps[i], stride[i]])])
  const phasesFirst = transpose(kernels, [0, ...axes.map((i) => 3 + 2 * i), 1, ...axes.map((i) => 2 + 2 * i)])
  // Turning the whole kernel reversed the order of the phases too.
  const ordered = flip(
    phasesFirst,
    axes.map((i) => i + 1),
  )
  return reshape(ordered, [groups * O * size(stride), C / groups, ...taps])
}
