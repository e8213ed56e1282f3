import { backwardMark, type Node, nodesOf, ShapeError, scalar, size, type Tensor, withScope } from '../graph/index.ts'
import { add, expand } from '../ops/index.ts'
import { recomputed } from './recompute.ts'

/**
 * Gradients of a scalar with respect to some tensors, as new tensors of the same graph: reverse-mode
 * differentiation (Baydin et al. 2018, section 3.2). A tensor that the loss does not depend on is an error, and one
 * that is another under a new shape: ask for the gradient of that.
 */
export function grad(loss: Tensor, wrt: readonly Tensor[]): Tensor[] {
  if (size(loss.shape) !== 1) throw new ShapeError('grad', 'the loss must hold one number', { loss })
  for (const tensor of wrt)
    if (tensor.node.op.lookedThrough?.(tensor.node.attrs))
      throw new ShapeError('grad', 'ops look through this tensor; ask for the gradient of what it was made from', {
        tensor,
      })
  const nodes = nodesOf([loss])
  const active = dependents(nodes, wrt)
  const again = recomputed()
  const adjoints = new Map<Tensor, Tensor>([[loss, expand(scalar(1), loss.shape)]])

  for (const node of nodes.reverse()) {
    if (!active.has(node) || node.inputs.length === 0) continue
    const dys = node.outputs.map((y) => adjoints.get(y))
    const first = dys.find((dy) => dy !== undefined)
    if (!first) continue
    const dxs = withScope(backwardOf(node.scope), () => gradientsOf(again(node), dys, first))
    node.inputs.forEach((x, i) => {
      const dx = dxs[i]
      if (!dx || !active.has(x.node)) return
      const sum = adjoints.get(x)
      adjoints.set(x, sum ? withScope(backwardOf(node.scope), () => add(sum, dx)) : dx)
    })
  }
  return wrt.map((x) => {
    const dx = adjoints.get(x)
    if (!dx) throw new ShapeError('grad', 'the loss must depend on every tensor asked for', { tensor: nameOf(x) })
    return dx
  })
}

/** The scope of the backward pass of a module. */
const backwardOf = (scope: string): string => (scope.endsWith(backwardMark) ? scope : scope + backwardMark)

function gradientsOf(node: Node, dys: readonly (Tensor | undefined)[], first: Tensor) {
  if (!node.op.grad) throw new ShapeError(node.op.name, 'this op has no gradient', { y: node.outputs[0] })
  const [dy, ...others] = dys
  // Outputs beside the first that a rule of two parameters made for itself, such as the deviation of a norm.
  if (node.op.grad.length < 3 && others.some((d) => d !== undefined))
    throw new ShapeError(node.op.name, 'this op has no second gradient', { y: node.outputs[0] })
  return node.op.grad(dy ?? first, node, dys)
}

/** The nodes that some tensor of `wrt` can reach. */
function dependents(nodes: readonly Node[], wrt: readonly Tensor[]): Set<Node> {
  const active = new Set(wrt.map((t) => t.node))
  for (const node of nodes) if (node.inputs.some((t) => active.has(t.node))) active.add(node)
  return active
}

const nameOf = (x: Tensor) => (x.node.attrs as { name?: string } | undefined)?.name ?? x.node.op.name
