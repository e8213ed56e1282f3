import type { Shape } from './shape.ts'
import type { DType, Node, Tensor } from './tensor.ts'

/** A value inside the ONNX graph that is being written, by its name. */
export type Value = string

/** An attribute of an ONNX node; a number is an integer, `{ float }` a float. */
export type Attribute = number | readonly number[] | string | { float: number } | { floats: readonly number[] }

/** What an op sees of the ONNX graph that it is lowered into. */
export interface Emitter {
  /** 'webgpu' has no fused matrix product; every other device lowers as 'cpu'. */
  readonly target: 'cpu' | 'webgpu'
  /** Adds a node with one output. */
  node(type: string, inputs: readonly Value[], attributes?: Record<string, Attribute>, domain?: string): Value
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
  array(data: Float32Array | Int32Array, shape: Shape): Value
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
  /** Floating-point operations of one run, where they are worth counting (matrix products, convolutions). */
  flops?(node: Node<A>): number
}
