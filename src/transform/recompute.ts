import { makeAll, type Node, type Tensor, withSecondRun } from '../graph/index.ts'

/**
 * Gives the gradient rule of a node the values it may read. Outside of recomputation blocks that is the node itself;
 * inside one it is a second copy, computed again from what entered the block, so that nothing inside the block has to
 * be kept until the backward pass (Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost").
 */
export function recomputed(): (node: Node) => Node {
  const copies = new Map<Node, Node>()
  const copyOf = (node: Node): Node => {
    if (node.block <= 0 || node.inputs.length === 0) return node
    const known = copies.get(node)
    if (known) return known
    const inputs = node.inputs.map((t) => (t.node.block === node.block ? outputOf(t) : t))
    const copy = withSecondRun(node.block, () => makeAll(node.op, inputs, node.attrs))[0].node
    copies.set(node, copy)
    return copy
  }
  const outputOf = (t: Tensor): Tensor => copyOf(t.node).outputs[t.index]
  return copyOf
}
