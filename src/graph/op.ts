import type { Shape } from './shape.ts'

/** Element type of a tensor. */
export type DType = 'float32' | 'int32' | 'bool'

/** One application of an op. */
export interface Node<A = unknown> {
  readonly id: number // grows with creation, so inputs always have smaller ids
  readonly op: Op<A>
  readonly inputs: readonly Tensor[]
  readonly attrs: A
  readonly outputs: readonly Tensor[]
  readonly scope: string // path of the module that made it, for profiles and errors
  readonly block: number // 0, or the recomputation block it was made in
}

/** An output of a node: an array that will exist when the graph runs. Immutable and without methods. */
export interface Tensor {
  readonly node: Node
  readonly index: number // which output of the node
  readonly shape: Shape
  readonly dtype: DType
}

/** A value inside the ONNX graph that is being written, by its name. */
export type Value = string

/** An attribute of an ONNX node; a number is an integer, `{ float }` a float. */
export type Attribute = number | readonly number[] | string | { float: number } | { floats: readonly number[] }

/** What an op sees of the ONNX graph that it is lowered into. */
export interface Emitter {
  /** 'webgpu' has no fused matrix product; every other device lowers as 'cpu'. */
  readonly target: 'cpu' | 'webgpu'
  /** Channels that lie together in the engine's blocked convolutions (NCHWc); absent where it has none. */
  readonly channelBlock?: number
  /** Adds a node with one output. */
  node(type: string, inputs: readonly Value[], attributes?: Record<string, Attribute>, domain?: string): Value
  /** The output of an equal node that was added in this way before; adds it where there is none. */
  nodeOnce: Emitter['node']
  /** Adds a node with several outputs. */
  nodes(
    type: string,
    inputs: readonly Value[],
    outputs: number,
    attributes?: Record<string, Attribute>,
    domain?: string,
  ): Value[]
  /** A constant vector of 64-bit integers: shapes, axes, pads. */
  ints(values: readonly number[]): Value
  /** A constant scalar. */
  scalar(value: number, dtype?: DType): Value
  /** A constant array. */
  array(data: Float32Array | Int32Array | Int8Array, shape: Shape): Value
  /** The numbers of a constant that products may read in 8 bits; undefined for every other value. */
  roundable(value: Value): Float32Array | undefined
}

/** All that is known of an op: its shape rule, its gradient and its lowering. */
export interface Op<A = unknown> {
  readonly name: string
  /** Shape of the output, or of each output. Throws ShapeError where the inputs do not fit. */
  shape(inputs: readonly Tensor[], attrs: A): Shape | readonly Shape[]
  /** Type of the output; that of the first input where absent. */
  dtype?(inputs: readonly Tensor[], attrs: A): DType
  /** Gradients of the inputs from those of the outputs; an op without it cannot be trained through. */
  grad?(dy: Tensor, node: Node<A>, dys: readonly (Tensor | undefined)[]): readonly (Tensor | undefined)[]
  /** Writes the ONNX nodes and returns the value of the output, or of each output. */
  lower(node: Node<A>, inputs: readonly Value[], onnx: Emitter): Value | readonly Value[]
  /** The tensors of which the lowering keeps copies in blocks of channels while it runs, where the engine has such blocks. */
  copies?(node: Node<A>, channelBlock: Emitter['channelBlock']): readonly Tensor[]
  /** Floating-point operations of one run, where they are worth counting (matrix products, convolutions). */
  flops?(node: Node<A>): number
  /** Ops after it may read its input in place of the output, whose gradient would then miss a part. */
  lookedThrough?(attrs: A): boolean
  /** The output is the memory of the first input under another shape. */
  readonly view?: boolean
}
