import { make, type Op, type Shape, ShapeError, sameShape, size, type Tensor } from '../graph/index.ts'
import { reshape } from './movement.ts'

/** Attributes of a reduction. */
export interface ReduceAttrs {
  readonly axes: readonly number[] // sorted, counted from the front
  readonly keep: boolean // whether the reduced axes stay, with size 1
}

/** Axes counted from the front, sorted; all of them where none is named. */
export function frontAxes(op: string, x: Tensor, axes: readonly number[] | number | undefined): number[] {
  const rank = x.shape.length
  const list = axes === undefined ? x.shape.map((_, i) => i) : typeof axes === 'number' ? [axes] : axes
  const front = [...new Set(list.map((axis) => (axis < 0 ? axis + rank : axis)))].sort((a, b) => a - b)
  if (front.length !== list.length || front.some((axis) => axis < 0 || axis >= rank))
    throw new ShapeError(op, 'axes must be different axes of x', { x, axes: list })
  return front
}

/** The shape that is left. */
export const reduced = (shape: Shape, { axes, keep }: ReduceAttrs): Shape =>
  keep ? shape.map((n, i) => (axes.includes(i) ? 1 : n)) : shape.filter((_, i) => !axes.includes(i))

/** The reduced tensor with its axes of size 1 put back. */
export const unreduced = (y: Tensor, x: Tensor, { axes }: ReduceAttrs): Tensor =>
  reshape(y, reduced(x.shape, { axes, keep: true }))

// The engine's sum over the first axis is twice as slow on two threads as on one; over the second one it is not, so many
// rows are summed in parts first. Measured: docs/engine-notes.md.
const manyRows = 512
const rowParts = [16, 8, 4, 2]

const Sum: Op<ReduceAttrs> = {
  name: 'sum',
  shape: ([x], attrs) => reduced(x.shape, attrs),
  grad: (dy, { inputs: [x], attrs }) => [expand(unreduced(dy, x, attrs), x.shape)],
  lower({ inputs: [{ shape }], attrs }, [x], onnx) {
    const { axes, keep } = attrs
    const rows = size(shape.slice(0, axes.length))
    const parts = rowParts.find((n) => rows % n === 0)
    const leads = axes.length < shape.length && axes.every((axis, i) => axis === i)
    if (onnx.target !== 'cpu' || !leads || rows < manyRows || !parts)
      return onnx.node('ReduceSum', [x, onnx.ints(axes)], { keepdims: +keep })
    const apart = onnx.node('Reshape', [x, onnx.ints([parts, rows / parts, -1])])
    const sums = onnx.node('ReduceSum', [apart, onnx.ints([1])], { keepdims: 0 })
    const y = onnx.node('ReduceSum', [sums, onnx.ints([0])], { keepdims: 0 })
    return onnx.node('Reshape', [y, onnx.ints(reduced(shape, attrs))])
  },
}

/** Sum over some axes, or over all. */
export function sum(x: Tensor, axes?: readonly number[] | number, keep = false): Tensor {
  const attrs = { axes: frontAxes('sum', x, axes), keep }
  return attrs.axes.length === 0 ? x : make(Sum, [x], attrs)
}

const Max: Op<ReduceAttrs> = {
  name: 'max',
  shape: ([x], attrs) => reduced(x.shape, attrs),
  lower: ({ attrs: { axes, keep } }, [x], onnx) => onnx.node('ReduceMax', [x, onnx.ints(axes)], { keepdims: +keep }),
}

/** Largest element over some axes, or over all. Has no gradient. */
export function max(x: Tensor, axes?: readonly number[] | number, keep = false): Tensor {
  const attrs = { axes: frontAxes('max', x, axes), keep }
  return attrs.axes.length === 0 ? x : make(Max, [x], attrs)
}

const Expand: Op<{ shape: Shape }> = {
  name: 'expand',
  shape([x], { shape }) {
    const offset = shape.length - x.shape.length
    if (offset < 0 || x.shape.some((n, i) => n !== 1 && n !== shape[i + offset]))
      throw new ShapeError('expand', 'x must broadcast to shape', { x, shape })
    return shape
  },
  grad: (dy, { inputs: [x] }) => [sumTo(dy, x.shape)],
  lower: ({ attrs: { shape } }, [x], onnx) => onnx.node('Expand', [x, onnx.ints(shape)]),
  lookedThrough: () => true,
}

/** x repeated along new axes and along axes of size 1, until it has `shape`. */
export const expand = (x: Tensor, shape: Shape): Tensor =>
  sameShape(x.shape, shape) ? x : make(Expand, [x], { shape })

/** What x was repeated from; x itself where it was not. */
export const beforeExpand = (x: Tensor): Tensor => (x.node.op === (Expand as Op) ? x.node.inputs[0] : x)

/** Undoes a broadcast: x summed over the axes along which `shape` was repeated. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x
  const offset = x.shape.length - shape.length
  if (offset < 0 || shape.some((n, i) => n !== 1 && n !== x.shape[i + offset]))
    throw new ShapeError('sumTo', 'shape must broadcast to x', { x, shape })
  const axes = x.shape.flatMap((n, i) => (i < offset || (shape[i - offset] === 1 && n !== 1) ? [i] : []))
  const y = sum(x, axes)
  return sameShape(y.shape, shape) ? y : reshape(y, shape)
}
