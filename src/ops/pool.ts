import { constant, make, type Op, type Shape, ShapeError, size, type Tensor } from '../graph/index.ts'
import { argmax } from './argmax.ts'
import { mul } from './arithmetic.ts'
import { equal, where } from './compare.ts'
import { conv, convTranspose } from './conv.ts'
import {
  eachAxis,
  type Geometry,
  geometryOf,
  type PerAxis,
  places,
  tiles,
  type WindowOptions,
  windowAttributes,
} from './conv-geometry.ts'
import { pad, reshape, slice } from './movement.ts'
import { upsample } from './upsample.ts'

/** Settings of a pool. */
export interface PoolOptions extends Omit<WindowOptions, 'dilation'> {
  readonly kernel: PerAxis
  readonly stride?: PerAxis // that of the kernel where absent
}

interface PoolAttrs extends Geometry {
  readonly kernel: Shape
}

function attrsOf(op: string, x: Tensor, { kernel, stride = kernel, padding }: PoolOptions): PoolAttrs {
  const rank = x.shape.length - 2
  if (rank < 1 || rank > 3) throw new ShapeError(op, 'x must be [B, C, ...] with one to three more axes', { x })
  const size = eachAxis(op, 'kernel', kernel, rank)
  const attrs = { ...geometryOf(op, rank, { stride, padding }), kernel: size }
  if (size.some((k, i) => attrs.before[i] >= k || attrs.after[i] >= k))
    throw new ShapeError(op, 'the padding must be less than the kernel', { padding: attrs.before, kernel: size })
  return attrs
}

const pooled = (op: string, [x]: readonly Tensor[], attrs: PoolAttrs): Shape => [
  ...x.shape.slice(0, 2),
  ...places(op, x.shape.slice(2), attrs.kernel, attrs),
]

const MaxPool: Op<PoolAttrs> = {
  name: 'maxPool',
  shape: (inputs, attrs) => pooled('maxPool', inputs, attrs),
  grad: (dy, { inputs: [x], attrs }) => [maxPoolGradient(dy, x, attrs)],
  lower: ({ attrs }, inputs, onnx) => onnx.node('MaxPool', inputs, windowAttributes(attrs.kernel, attrs)),
}

/** Largest element of each window: x [B, C, ...] → [B, C, ...]. Padding never wins; of equals the first gets the gradient. */
export const maxPool = (x: Tensor, options: PoolOptions): Tensor => make(MaxPool, [x], attrsOf('maxPool', x, options))

/** Planes [B · C, 1, ...], each a sample of one channel. */
const planes = (x: Tensor): Tensor => reshape(x, [x.shape[0] * x.shape[1], 1, ...x.shape.slice(2)])

/** A number below all others that is not infinite: it meets zeros in a product. */
const lowest = -3e38

/**
 * A convolution with one channel for each place in the window spreads the windows out; the gradient goes to the place
 * that holds the maximum, and the transposed convolution puts it back where that place was read.
 */
function maxPoolGradient(dy: Tensor, x: Tensor, { before, stride, kernel }: PoolAttrs): Tensor {
  const [spatial, out] = [x.shape.slice(2), dy.shape.slice(2)]
  const read = out.map((n, i) => (n - 1) * stride[i] + kernel[i])
  const missing = read.map((n, i) => Math.max(n - before[i] - spatial[i], 0))
  const padded = pad(planes(x), [0, 0, ...before], [0, 0, ...missing], lowest)
  const places = size(kernel)
  const each = constant(identity(places), [places, 1, ...kernel])
  const windows = conv(padded, each, { stride }) // [B · C, places, ...]
  const winner = reshape(argmax(windows, 1), planes(dy).shape)
  const order = constant(
    Int32Array.from({ length: places }, (_, i) => i),
    [places, ...out.map(() => 1)],
  )
  const shares = where(equal(order, winner), planes(dy), 0)
  const outputPadding = read.map((n, i) => padded.shape[i + 2] - n)
  const whole = convTranspose(shares, each, { stride, outputPadding })
  const kept = spatial.reduce((t, n, i) => slice(t, i + 2, before[i], before[i] + n), whole)
  return reshape(kept, x.shape)
}

const identity = (n: number): Float32Array => Float32Array.from({ length: n * n }, (_, i) => +(i % (n + 1) === 0))

const AvgPool: Op<PoolAttrs> = {
  name: 'avgPool',
  shape: (inputs, attrs) => pooled('avgPool', inputs, attrs),
  grad: (dy, { inputs: [x], attrs }) => [avgPoolGradient(dy, x, attrs)],
  lower: ({ attrs }, inputs, onnx) =>
    onnx.node('AveragePool', inputs, { ...windowAttributes(attrs.kernel, attrs), count_include_pad: 1 }),
}

/** Mean of each window: x [B, C, ...] → [B, C, ...]. The zeros of the padding count, as in PyTorch. */
export const avgPool = (x: Tensor, options: PoolOptions): Tensor => make(AvgPool, [x], attrsOf('avgPool', x, options))

/** Each element of dy, divided by the size of the window, goes to all of the window. */
function avgPoolGradient(dy: Tensor, x: Tensor, attrs: PoolAttrs): Tensor {
  const { kernel, stride, before, after } = attrs
  const spatial = x.shape.slice(2)
  const share = 1 / size(kernel)
  if (tiles(spatial, dy.shape.slice(2), kernel, attrs)) return upsample(mul(dy, share), kernel)
  const even = constant(new Float32Array(size(kernel)).fill(share), [1, 1, ...kernel])
  const padding = before.map((n, i) => [n, after[i]] as const)
  const outputPadding = spatial.map((n, i) => (n + before[i] + after[i] - kernel[i]) % stride[i])
  return reshape(convTranspose(planes(dy), even, { stride, padding, outputPadding }), x.shape)
}
