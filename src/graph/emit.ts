import type { Emitter, Node, Tensor, Value } from './op.ts'
import { nodesOf } from './walk.ts'

/** Writes all nodes that the tensors depend on, each after `before` was told of it, and tells the value of each tensor. */
export function emitAll(
  tensors: readonly Tensor[],
  onnx: Emitter,
  before?: (node: Node) => void,
): ReadonlyMap<Tensor, Value> {
  const values = new Map<Tensor, Value>()
  for (const node of nodesOf(tensors)) {
    before?.(node)
    const inputs = node.inputs.map((t) => values.get(t)!)
    const lowered = node.op.lower(node, inputs, onnx)
    const names = typeof lowered === 'string' ? [lowered] : lowered
    node.outputs.forEach((t, i) => {
      values.set(t, names[i])
    })
  }
  return values
}

/** The lowering of an op that is made of others: their leaves are inputs with the names of the values that it reads. */
export const emit = (y: Tensor, onnx: Emitter): Value => emitAll([y], onnx).get(y)!
