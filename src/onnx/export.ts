import {
  type DType,
  type Emitter,
  Input,
  type InputAttrs,
  type Node,
  nodesOf,
  type Op,
  type Shape,
  ShapeError,
  type Tensor,
  type Value,
} from '../graph/index.ts'
import { modelBytes, type Port, type WrittenNode, writer } from './writer.ts'

/** Arrays by name. */
export type Arrays = Record<string, Float32Array | Int32Array | Uint8Array>

/** What to export, and how. */
export interface ExportOptions {
  readonly target: Emitter['target']
  /** Values of inputs that become part of the model, so that the engine can pack them for speed. */
  readonly constants?: Arrays
}

/** An ONNX model and the names by which it is fed and read. */
export interface OnnxModel {
  readonly bytes: Uint8Array
  readonly inputs: readonly Port[]
  /** `value` is the name inside the model, `name` the one asked for. */
  readonly outputs: readonly { name: string; value: Value; shape: Shape; dtype: DType }[]
}

/** Writes the graph that computes the named tensors as one ONNX model. */
export function toOnnx(outputs: Record<string, Tensor>, { target, constants = {} }: ExportOptions): OnnxModel {
  const { emitter, nodes, within, store, stored } = writer(target)
  const values = new Map<Tensor, Value>()
  const inputs: Port[] = []
  for (const node of nodesOf(Object.values(outputs))) {
    within(node.scope)
    if (node.op === (Input as Op)) declare(node as Node<InputAttrs>, constants, inputs, store)
    const lowered = node.op.lower(
      node,
      node.inputs.map((t) => values.get(t)!),
      emitter,
    )
    const names = typeof lowered === 'string' ? [lowered] : lowered
    node.outputs.forEach((t, i) => {
      values.set(t, names[i])
    })
  }
  within('')
  const named = Object.entries(outputs).map(([name, t]) => {
    const made = values.get(t)!
    const value = t.node.inputs.length === 0 ? emitter.node('Identity', [made]) : made // the engine refuses an input as output
    return { name, value, shape: t.shape, dtype: t.dtype }
  })
  const ports = new Map(named.map(({ value, shape, dtype }) => [value, { name: value, shape, dtype }]))
  return { bytes: modelBytes(leavesLast(nodes), stored, inputs, [...ports.values()]), inputs, outputs: named }
}

function declare(
  { attrs }: Node<InputAttrs>,
  constants: Arrays,
  inputs: Port[],
  store: ReturnType<typeof writer>['store'],
) {
  const { name, shape, dtype } = attrs
  const same = inputs.find((port) => port.name === name)
  if (same)
    throw new ShapeError('export', `two inputs must not share the name '${name}'`, { one: same.shape, other: shape })
  const data = constants[name]
  if (!data) inputs.push({ name, shape, dtype })
  else if (data instanceof Uint8Array)
    throw new ShapeError('export', `the constant '${name}' must hold numbers`, { shape })
  else store(name, data, shape)
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
