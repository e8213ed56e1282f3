import { ShapeError } from './errors.ts'
import type { DType, Node, Op, Tensor } from './op.ts'
import { type Shape, size } from './shape.ts'

let created = 0
let scope = ''
let block = 0
let blocks = 0

/** What the scope of a module's backward pass ends in. */
export const backwardMark = ' (backward)'

/** Runs `build`; nodes made inside carry `path` as their scope. */
export function withScope<T>(path: string, build: () => T): T {
  const outer = scope
  scope = path
  try {
    return build()
  } finally {
    scope = outer
  }
}

/** Runs `build`; nodes made inside form one block, whose values the gradient computes again instead of keeping them. */
export function withBlock<T>(build: () => T): T {
  const outer = block
  block = outer || ++blocks
  try {
    return build()
  } finally {
    block = outer
  }
}

/** Applies an op with several outputs. */
export function makeAll<A>(op: Op<A>, inputs: readonly Tensor[], attrs: A): Tensor[] {
  const shape = op.shape(inputs, attrs)
  const shapes = (typeof shape[0] === 'object' ? shape : [shape]) as readonly Shape[]
  for (const s of shapes)
    if (s.some((n) => !Number.isInteger(n) || n < 1))
      throw new ShapeError(op.name, 'every axis must be a positive whole number', { shape: s })
  const dtype = op.dtype?.(inputs, attrs) ?? inputs[0]?.dtype ?? 'float32'
  const outputs: Tensor[] = []
  const node: Node = { id: ++created, op: op as Op, inputs, attrs, outputs, scope, block }
  shapes.forEach((s, index) => {
    outputs.push({ node, index, shape: s, dtype })
  })
  return [...outputs] // a copy: who reorders it must not reorder the node's own
}

/** Applies an op with one output. */
export const make = <A>(op: Op<A>, inputs: readonly Tensor[], attrs: A): Tensor => makeAll(op, inputs, attrs)[0]

/** Attributes of a leaf that is fed by name at each run: a batch, a weight, a learning rate. */
export interface InputAttrs {
  readonly name: string
  readonly shape: Shape
  readonly dtype: DType
}

/** The op of a leaf that is fed by name. */
export const Input: Op<InputAttrs> = {
  name: 'Input',
  shape: (_, { shape }) => shape,
  dtype: (_, { dtype }) => dtype,
  lower: (node) => node.attrs.name,
}

/** A leaf that is fed by name when the program runs. */
export const input = (name: string, shape: Shape, dtype: DType = 'float32'): Tensor =>
  make(Input, [], { name, shape, dtype })

/** Attributes of a constant array; `data` holds one element where the whole array is uniform. */
interface ConstantAttrs {
  readonly data: Float32Array | Int32Array
  readonly shape: Shape
}

const Constant: Op<ConstantAttrs> = {
  name: 'Constant',
  shape: (_, { shape }) => shape,
  dtype: (_, { data }) => (data instanceof Int32Array ? 'int32' : 'float32'),
  lower: ({ attrs: { data, shape } }, _, onnx) =>
    shape.length === 0
      ? onnx.scalar(data[0], data instanceof Int32Array ? 'int32' : 'float32')
      : onnx.array(data, shape),
}

/** An array that is part of the graph. */
export function constant(data: Float32Array | Int32Array, shape: Shape): Tensor {
  if (data.length !== size(shape))
    throw new ShapeError('constant', 'data must fill the shape', { data: data.length, shape })
  return make(Constant, [], { data, shape })
}

/** A number as a tensor without axes. */
export const scalar = (value: number, dtype: 'float32' | 'int32' = 'float32'): Tensor =>
  constant(dtype === 'int32' ? Int32Array.of(value) : Float32Array.of(value), [])

/** The value of a constant without axes, or undefined. */
export function scalarValue(t: Tensor): number | undefined {
  if (t.node.op !== (Constant as Op) || t.shape.length > 0) return undefined
  return (t.node.attrs as ConstantAttrs).data[0]
}

/** Runs `build`; nodes made inside are the second computation of block `id`: equal to the first, never merged with it. */
export function withSecondRun<T>(id: number, build: () => T): T {
  const outer = block
  block = -id
  try {
    return build()
  } finally {
    block = outer
  }
}
