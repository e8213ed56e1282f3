import type { Node, Tensor } from './op.ts'

/** Every node that the tensors depend on, inputs before their users. */
export function nodesOf(tensors: readonly Tensor[]): Node[] {
  const seen = new Set<Node>()
  const stack = tensors.map((t) => t.node)
  while (stack.length > 0) {
    const node = stack.pop()!
    if (seen.has(node)) continue
    seen.add(node)
    for (const t of node.inputs) stack.push(t.node)
  }
  return [...seen].sort((a, b) => a.id - b.id)
}
