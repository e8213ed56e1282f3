import { make, type Op, type Shape, ShapeError, size, type Tensor } from '../graph/index.ts'
import { addAll, mul } from './arithmetic.ts'
import { and, equal, not, or, where } from './compare.ts'
import {
  eachAxis,
  type Geometry,
  geometryOf,
  type PerAxis,
  places,
  type WindowOptions,
  windowAttributes,
} from './conv-geometry.ts'
import { dilate, pad, slice } from './movement.ts'
import { upsample } from './upsample.ts'
import { positions, putBack, seenAt } from './windows.ts'

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
  grad: (dy, { inputs: [x], outputs: [y], attrs }) => [maxPoolGradient(dy, x, y, attrs)],
  lower: ({ attrs }, inputs, onnx) => onnx.node('MaxPool', inputs, windowAttributes(attrs.kernel, attrs)),
}

/** Largest element of each window: x [B, C, ...] → [B, C, ...]. Padding never wins; of equals the first gets the gradient. */
export const maxPool = (x: Tensor, options: PoolOptions): Tensor => make(MaxPool, [x], attrsOf('maxPool', x, options))

/** For each place in the window: where it holds the maximum, and no earlier place does, it gets the gradient. */
function maxPoolGradient(dy: Tensor, x: Tensor, y: Tensor, attrs: PoolAttrs): Tensor {
  const { before, stride, kernel } = attrs
  const out = y.shape.slice(2)
  const missing = out.map((n, i) => Math.max((n - 1) * stride[i] + kernel[i] - before[i] - x.shape[i + 2], 0))
  const padded = pad(x, [0, 0, ...before], [0, 0, ...missing], -Infinity)
  let taken: Tensor | undefined
  const parts = positions(kernel).map((at) => {
    const holds = equal(seenAt(padded, at, out, attrs), y)
    const first = taken ? and(holds, not(taken)) : holds
    taken = taken ? or(taken, holds) : holds
    return putBack(where(first, dy, 0), at, padded.shape.slice(2), attrs)
  })
  const sum = addAll(parts)
  return x.shape.slice(2).reduce((t, n, i) => slice(t, i + 2, before[i], before[i] + n), sum)
}

const AvgPool: Op<PoolAttrs> = {
  name: 'avgPool',
  shape: (inputs, attrs) => pooled('avgPool', inputs, attrs),
  grad: (dy, { inputs: [x], attrs }) => [avgPoolGradient(dy, x, attrs)],
  lower: ({ attrs }, inputs, onnx) =>
    onnx.node('AveragePool', inputs, { ...windowAttributes(attrs.kernel, attrs), count_include_pad: 1 }),
}

/** Mean of each window: x [B, C, ...] → [B, C, ...]. The zeros of the padding count, as in PyTorch. */
export const avgPool = (x: Tensor, options: PoolOptions): Tensor => make(AvgPool, [x], attrsOf('avgPool', x, options))

/** Each element of dy, divided by the size of the window, goes to all of the window: one axis after the other. */
function avgPoolGradient(dy: Tensor, x: Tensor, { kernel, stride, before, after }: PoolAttrs): Tensor {
  const share = mul(dy, 1 / size(kernel))
  if (kernel.every((k, i) => k === stride[i] && x.shape[i + 2] === k * dy.shape[i + 2])) return upsample(share, kernel)
  return kernel.reduce((t, k, i) => {
    const axis = i + 2
    const n = x.shape[axis]
    const unit = (m: number, rest = 0) => t.shape.map((_, j) => (j === axis ? m : rest))
    const spread = dilate(t, unit(stride[i], 1))
    const read = spread.shape[axis] + k - 1 // of the padded axis; what is behind was never read
    const wide = addAll(Array.from({ length: k }, (_, j) => pad(spread, unit(j), unit(k - 1 - j))))
    const whole = pad(wide, unit(0), unit(before[i] + n + after[i] - read))
    return slice(whole, axis, before[i], before[i] + n)
  }, share)
}
