import {
  type DType,
  type Emitter,
  emitAll,
  Input,
  type InputAttrs,
  type Node,
  type Op,
  type Shape,
  ShapeError,
  size,
  type Tensor,
  type Value,
} from '../graph/index.ts'
import { isInner, modelBytes, type Port, type WrittenNode, writer } from './writer.ts'

/** Arrays by name. */
export type Arrays = Record<string, Float32Array | Int32Array | Uint8Array>

/** What to export, and how. */
export interface ExportOptions {
  readonly target: Emitter['target']
  readonly channelBlock?: Emitter['channelBlock']
  /** Values of inputs that become part of the model, so that the engine can pack them for speed. */
  readonly constants?: Arrays
  /** Which constants products may read in 8 bits. */
  readonly int8?: (name: string) => boolean
}

/** An ONNX model and the names by which it is fed and read. */
export interface OnnxModel {
  readonly bytes: Uint8Array
  readonly inputs: readonly Port[]
  /** `value` is the name inside the model, `name` the one asked for. */
  readonly outputs: readonly { name: string; value: Value; shape: Shape; dtype: DType }[]
}

/** Writes the graph that computes the named tensors as one ONNX model. */
export function toOnnx(
  outputs: Record<string, Tensor>,
  { constants = {}, int8 = () => false, ...engine }: ExportOptions,
): OnnxModel {
  const { emitter, nodes, within, store, stored } = writer(engine)
  const inputs: Port[] = []
  const declared = new Map<string, Shape>()
  const values = emitAll(Object.values(outputs), emitter, (node) => {
    within(`${node.scope}/${node.op.name}`)
    if (node.op !== (Input as Op)) return
    const { attrs } = node as Node<InputAttrs>
    checkName(attrs, declared)
    const data = constants[attrs.name]
    if (!data) inputs.push(attrs)
    else store(attrs.name, checkConstant(attrs, data), { shape: attrs.shape, int8: int8(attrs.name) })
  })
  within('/output')
  const named = Object.entries(outputs).map(([name, t]) => {
    const made = values.get(t)!
    const value = t.node.inputs.length === 0 ? emitter.node('Identity', [made]) : made // the engine refuses an input as output
    return { name, value, shape: t.shape, dtype: t.dtype }
  })
  const ports = new Map(named.map(({ value, shape, dtype }) => [value, { name: value, shape, dtype }]))
  const written = leavesLast(needed(nodes, new Set(ports.keys())))
  const read = new Set(written.flatMap((node) => node.inputs))
  const kept = stored.filter(({ name }) => read.has(name))
  return { bytes: modelBytes(written, kept, inputs, [...ports.values()]), inputs, outputs: named }
}

function checkName({ name, shape }: InputAttrs, declared: Map<string, Shape>) {
  if (isInner(name)) throw new ShapeError('export', 'an input must not be named like a value inside a model', { name })
  const same = declared.get(name)
  if (same) throw new ShapeError('export', `two inputs must not share the name '${name}'`, { one: same, other: shape })
  declared.set(name, shape)
}

function checkConstant({ name, shape, dtype }: InputAttrs, data: Arrays[string]): Float32Array | Int32Array {
  const fits = dtype === 'int32' ? data instanceof Int32Array : data instanceof Float32Array && dtype === 'float32'
  if (fits && data.length === size(shape)) return data as Float32Array | Int32Array
  const must = `the constant '${name}' must be ${dtype} and fill its shape`
  throw new ShapeError('export', must, { shape, [data.constructor.name]: data.length })
}

/** The nodes that the outputs depend on; an op may write some for an output of its own that nothing reads. */
function needed(nodes: readonly WrittenNode[], outputs: ReadonlySet<Value>): WrittenNode[] {
  const read = new Set(outputs)
  const kept = nodes.toReversed().filter((node) => {
    const keep = node.outputs.some((value) => read.has(value))
    if (keep) for (const value of node.inputs) read.add(value)
    return keep
  })
  return kept.reverse()
}

/**
 * Order of nodes in the file. The engine runs a depth-first search from the nodes that nothing reads, the last one in
 * the file first. With these at the end and reversed, each weight gradient runs as soon as it can, and activations are
 * freed on the way.
 */
function leavesLast(nodes: readonly WrittenNode[]): WrittenNode[] {
  const read = new Set(nodes.flatMap((node) => node.inputs))
  const isLeaf = (node: WrittenNode) => node.outputs.every((value) => !read.has(value))
  return [...nodes.filter((node) => !isLeaf(node)), ...nodes.filter(isLeaf).reverse()]
}
