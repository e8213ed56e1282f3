import {
  type Emitter,
  make,
  makeAll,
  type Op,
  type Shape,
  ShapeError,
  sameShape,
  size,
  type Tensor,
  type Value,
} from '../graph/index.ts'
import { transposeSteps } from './transpose-steps.ts'

const Reshape: Op<{ shape: Shape }> = {
  name: 'reshape',
  shape([x], { shape }) {
    if (size(shape) !== size(x.shape))
      throw new ShapeError('reshape', 'shape must hold as many elements as x', { x, shape })
    return shape
  },
  grad: (dy, { inputs: [x] }) => [reshape(dy, x.shape)],
  lower: ({ attrs: { shape } }, [x], onnx) => onnx.node('Reshape', [x, onnx.ints(shape)]),
  lookedThrough: () => true,
  view: true,
}

/** The same elements in row-major order under another shape; one axis may be −1, its size is found. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const unknown = shape.indexOf(-1)
  if (unknown >= 0) {
    const found = size(x.shape) / size(shape.filter((_, i) => i !== unknown))
    if (!Number.isInteger(found) || found < 1)
      throw new ShapeError('reshape', 'one axis at most may be −1, and its size must come out whole', { x, shape })
    shape = shape.map((n, i) => (i === unknown ? found : n))
  }
  if (sameShape(x.shape, shape)) return x
  const { node } = x
  return make(Reshape, [node.op === (Reshape as Op) ? node.inputs[0] : x], { shape })
}

const Transpose: Op<{ perm: readonly number[] }> = {
  name: 'transpose',
  shape([x], { perm }) {
    if (perm.length !== x.shape.length || [...perm].sort((a, b) => a - b).some((axis, i) => axis !== i))
      throw new ShapeError('transpose', 'perm must name each axis of x once', { x, perm })
    return perm.map((axis) => x.shape[axis])
  },
  grad: (dy, { attrs: { perm } }) => [transpose(dy, inverse(perm))],
  lookedThrough: ({ perm }) => swapsFirst(perm),
  lower: ({ inputs: [{ shape }], attrs: { perm }, outputs: [y] }, [x], onnx) =>
    onnx.target === 'webgpu'
      ? onnx.node('Transpose', [x], { perm })
      : emitTranspose(x, { shape, seen: shape, perm, as: y.shape }, onnx),
}

/** What is turned: a value of a shape that is `seen` as another one, and the shape that the result shall have. */
interface Turning {
  readonly shape: Shape
  readonly seen: Shape
  readonly perm: readonly number[]
  readonly as: Shape
}

/** Nodes that turn the axes of a value in the steps that the CPU does fastest. */
export function emitTranspose(x: Value, { shape, seen: whole, perm, as }: Turning, onnx: Emitter): Value {
  let [value, seen] = [x, shape]
  const see = (as: Shape) => {
    if (!sameShape(seen, as)) value = onnx.node('Reshape', [value, onnx.ints(as)])
  }
  for (const step of transposeSteps(whole, perm)) {
    see(step.shape)
    value = onnx.node('Transpose', [value], { perm: step.perm })
    seen = step.perm.map((axis) => step.shape[axis])
  }
  see(as)
  return value
}

const swapsFirst = (perm: readonly number[]) => perm.join() === '1,0,2'

/** What t was before its first two axes of three changed places; t itself where they did not. */
export function beforeSwap(t: Tensor): Tensor {
  const { op, attrs, inputs } = t.node
  return op === (Transpose as Op) && swapsFirst((attrs as { perm: readonly number[] }).perm) ? inputs[0] : t
}

const inverse = (perm: readonly number[]) => perm.map((_, i) => perm.indexOf(i))

/** Axes in another order: axis i of the result is axis perm[i] of x. Without perm the last two axes change places. */
export function transpose(x: Tensor, perm?: readonly number[]): Tensor {
  const rank = x.shape.length
  const order = perm ?? [...x.shape.keys()].map((i) => (i < rank - 2 ? i : i === rank - 2 ? rank - 1 : rank - 2))
  return order.every((axis, i) => axis === i) && order.length === rank ? x : make(Transpose, [x], { perm: order })
}

const Concat: Op<{ axis: number }> = {
  name: 'concat',
  shape(xs, { axis }) {
    const [first] = xs
    for (const x of xs) {
      if (x.dtype !== first.dtype)
        throw new ShapeError('concat', 'all tensors must have one type', { first: first.dtype, other: x.dtype })
      if (x.shape.length !== first.shape.length || x.shape.some((n, i) => i !== axis && n !== first.shape[i]))
        throw new ShapeError('concat', `all axes but ${axis} must agree`, { first, other: x })
    }
    return first.shape.map((n, i) => (i === axis ? xs.reduce((total, x) => total + x.shape[axis], 0) : n))
  },
  grad: (dy, { inputs, attrs: { axis } }) =>
    split(
      dy,
      inputs.map((x) => x.shape[axis]),
      axis,
    ),
  lower: ({ attrs: { axis } }, inputs, onnx) => onnx.node('Concat', inputs, { axis }),
}

const frontAxis = (op: string, x: Tensor, axis: number): number => {
  const front = axis < 0 ? axis + x.shape.length : axis
  if (front < 0 || front >= x.shape.length) throw new ShapeError(op, 'axis must be an axis of x', { x, axis })
  return front
}

/** Tensors one after another along an axis; every other axis must agree. */
export function concat(xs: readonly Tensor[], axis: number): Tensor {
  if (xs.length === 0) throw new ShapeError('concat', 'there must be a tensor', { tensors: 0 })
  return xs.length === 1 ? xs[0] : make(Concat, xs, { axis: frontAxis('concat', xs[0], axis) })
}

const Split: Op<{ sizes: readonly number[]; axis: number }> = {
  name: 'split',
  shape([x], { sizes, axis }) {
    if (sizes.reduce((a, b) => a + b, 0) !== x.shape[axis])
      throw new ShapeError('split', 'sizes must sum to the size of the axis', { x, axis, sizes })
    return sizes.map((n) => x.shape.map((m, i) => (i === axis ? n : m)))
  },
  grad: (_, { attrs: { axis }, outputs }, dys) => [
    concat(
      outputs.map((y, i) => dys[i] ?? zerosLike(y)),
      axis,
    ),
  ],
  lower: ({ attrs: { sizes, axis } }, [x], onnx) => onnx.nodes('Split', [x, onnx.ints(sizes)], sizes.length, { axis }),
}

/** Parts of the given sizes along an axis, in order. */
export function split(x: Tensor, sizes: readonly number[], axis: number): Tensor[] {
  return sizes.length === 1 && sizes[0] === x.shape[axis]
    ? [x]
    : makeAll(Split, [x], { sizes, axis: frontAxis('split', x, axis) })
}

/** `parts` equal parts along an axis, the last one where none is named. */
export function chunk(x: Tensor, parts: number, axis = -1): Tensor[] {
  const front = frontAxis('chunk', x, axis)
  const n = x.shape[front] / parts
  if (!Number.isInteger(n)) throw new ShapeError('chunk', 'parts must divide the size of the axis', { x, axis, parts })
  return split(x, new Array<number>(parts).fill(n), front)
}

const Zeros: Op<{ shape: Shape }> = {
  name: 'zeros',
  shape: (_, { shape }) => shape,
  dtype: () => 'float32',
  lower: ({ attrs: { shape } }, _, onnx) => onnx.node('Expand', [onnx.scalar(0), onnx.ints(shape)]),
}

const zerosLike = (x: Tensor): Tensor => make(Zeros, [], { shape: x.shape })

interface SliceAttrs {
  readonly starts: readonly number[] // one for each axis
  readonly ends: readonly number[]
  readonly steps: readonly number[] // positive
}

const Slice: Op<SliceAttrs> = {
  name: 'slice',
  shape([x], { starts, ends, steps }) {
    if (starts.some((a, i) => a < 0 || ends[i] > x.shape[i] || a >= ends[i] || steps[i] < 1))
      throw new ShapeError('slice', 'starts and ends must lie inside x, starts before ends', { x, starts, ends, steps })
    return starts.map((a, i) => Math.ceil((ends[i] - a) / steps[i]))
  },
  grad(dy, { inputs: [x], attrs: { starts, steps } }) {
    const spread = steps.some((s) => s > 1) ? dilate(dy, steps) : dy
    return [
      pad(
        spread,
        starts,
        x.shape.map((n, i) => n - starts[i] - spread.shape[i]),
      ),
    ]
  },
  lower({ inputs: [{ shape }], attrs: { starts, ends, steps } }, [x], onnx) {
    const axes = [...shape.keys()].filter((i) => starts[i] > 0 || ends[i] < shape[i] || steps[i] > 1)
    const pick = (list: readonly number[]) => onnx.ints(axes.map((i) => list[i]))
    return onnx.node('Slice', [x, pick(starts), pick(ends), onnx.ints(axes), pick(steps)])
  },
}

/** Elements start, start + step, … before end of one axis; negative positions count from its end. */
export function slice(x: Tensor, axis: number, start: number, end = x.shape.at(axis)!, step = 1): Tensor {
  const front = frontAxis('slice', x, axis)
  const n = x.shape[front]
  const [from, to] = [start < 0 ? start + n : start, end < 0 ? end + n : end]
  if (from === 0 && to === n && step === 1) return x
  const at = (value: number, other: readonly number[]) => other.map((m, i) => (i === front ? value : m))
  const zeros = x.shape.map(() => 0)
  return make(Slice, [x], {
    starts: at(from, zeros),
    ends: at(to, x.shape),
    steps: at(
      step,
      x.shape.map(() => 1),
    ),
  })
}

const Pad: Op<{ before: readonly number[]; after: readonly number[]; value: number }> = {
  name: 'pad',
  shape: ([x], { before, after }) => x.shape.map((n, i) => n + before[i] + after[i]),
  // What was put on is taken off, and the other way round.
  grad(dy, { inputs: [x], attrs: { before } }) {
    return [window(dy, before, x.shape)]
  },
  lower: ({ inputs: [{ dtype }], attrs: { before, after, value } }, [x], onnx) =>
    onnx.node('Pad', [x, onnx.ints([...before, ...after]), onnx.scalar(value, dtype)]),
}

/** x with `before` and `after` more elements on each axis, all equal to `value`. */
export function pad(x: Tensor, before: readonly number[], after: readonly number[], value = 0): Tensor {
  if (before.length !== x.shape.length || after.length !== x.shape.length || [...before, ...after].some((n) => n < 0))
    throw new ShapeError('pad', 'before and after must give a size ≥ 0 for each axis of x', { x, before, after })
  if (x.dtype === 'bool') throw new ShapeError('pad', 'truths cannot be padded; cast them to int32 first', { x })
  if (x.dtype === 'int32' && (value | 0) !== value)
    throw new ShapeError('pad', 'the value beside an int32 tensor must be one itself; use cast', { value, x })
  return [...before, ...after].every((n) => n === 0) ? x : make(Pad, [x], { before, after, value })
}

/** What a window of a given shape shows of x whose first element is at `from`, which may be negative; 0 outside of x. */
export function window(x: Tensor, from: readonly number[], shape: Shape): Tensor {
  const apart = shape.some((n, i) => from[i] >= x.shape[i] || from[i] + n <= 0)
  if (apart || shape.length !== x.shape.length || from.length !== shape.length)
    throw new ShapeError('window', 'the window must show something of x along each axis', { x, from, shape })
  const before = from.map((n) => -n)
  const after = shape.map((n, i) => from[i] + n - x.shape[i])
  if ([...before, ...after].every((n) => n === 0)) return x
  if (![...before, ...after].every((n) => n <= 0)) return make(Pad, [x], { before, after, value: 0 })
  return make(Slice, [x], { starts: from, ends: from.map((n, i) => n + shape[i]), steps: from.map(() => 1) })
}

/** Puts steps − 1 zeros between the neighbours of each axis: the adjoint of a slice with steps, before its padding. */
export function dilate(x: Tensor, steps: readonly number[]): Tensor {
  steps.forEach((step, axis) => {
    if (step === 1) return
    const n = x.shape[axis]
    const rows = reshape(x, [...x.shape.slice(0, axis + 1), 1, ...x.shape.slice(axis + 1)])
    const none = rows.shape.map(() => 0)
    const wide = pad(
      rows,
      none,
      none.map((zero, i) => (i === axis + 1 ? step - 1 : zero)),
    )
    const flat = reshape(
      wide,
      x.shape.map((m, i) => (i === axis ? n * step : m)),
    )
    x = slice(flat, axis, 0, n * step - step + 1)
  })
  return x
}
