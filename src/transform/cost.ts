import { Input, type Node, nodesOf, type Op, size, type Tensor } from '../graph/index.ts'

/** What one run of a graph takes. */
export interface Cost {
  readonly flops: number // of matrix products and convolutions; what is done element by element is not counted
  readonly inputBytes: number
  readonly outputBytes: number
  /** Most that the values in between take at one time, where each is freed after its last use. */
  readonly peakBytes: number
}

/** Counts the operations of a graph and follows its values through one run, in the engine's order. */
export function costOf(outputs: readonly Tensor[]): Cost {
  const order = executionOrder(outputs)
  const flops = order.reduce((total, node) => total + (node.op.flops?.(node) ?? 0), 0)
  const inputs = order.filter((node) => node.op === (Input as Op)).flatMap((node) => node.outputs)
  return {
    flops,
    inputBytes: bytesOf(inputs),
    outputBytes: bytesOf([...new Set(outputs)]),
    peakBytes: peakBytes(order, outputs),
  }
}

/**
 * The order in which the engine runs the nodes of an exported graph: depth first from each node that nothing reads, in
 * order of creation; of the values that a node reads, the one made last is computed first.
 */
export function executionOrder(outputs: readonly Tensor[]): Node[] {
  const nodes = nodesOf(outputs)
  const read = new Set(nodes.flatMap((node) => node.inputs.map((t) => t.node)))
  const order: Node[] = []
  const seen = new Set<Node>()
  const stack = nodes
    .filter((node) => !read.has(node))
    .map((node) => ({ node, ready: false }))
    .reverse()
  while (stack.length > 0) {
    const { node, ready } = stack.pop()!
    if (ready) order.push(node)
    if (ready || seen.has(node)) continue
    seen.add(node)
    stack.push({ node, ready: true })
    const before = [...new Set(node.inputs.map((t) => t.node))].sort((a, b) => a.id - b.id)
    stack.push(...before.filter((one) => !seen.has(one)).map((one) => ({ node: one, ready: false })))
  }
  return order
}

/** Channels of a block as processors with AVX-512 have them. */
const usualBlock = 16

/** Bytes of one element. */
const width = { float32: 4, int32: 4, bool: 1 } as const

const bytesOf = (tensors: readonly Tensor[]): number =>
  tensors.reduce((total, { shape, dtype }) => total + size(shape) * width[dtype], 0)

/**
 * Inputs and outputs lie in arrays of the caller; a view is the memory of what it is a view of. Copies come on top of the
 * peak wherever they are needed, as the engine keeps the buffers of the shapes that come again.
 */
function peakBytes(order: readonly Node[], outputs: readonly Tensor[]): number {
  const owner = new Map<Tensor, Tensor>()
  const ownerOf = (t: Tensor): Tensor => owner.get(t) ?? t
  const lastUse = new Map<Tensor, Node>()
  for (const node of order) {
    if (node.op.view) owner.set(node.outputs[0], ownerOf(node.inputs[0]))
    for (const t of [...node.inputs, ...node.outputs]) lastUse.set(ownerOf(t), node)
  }
  const outside = new Set(outputs.map(ownerOf))
  for (const node of order) if (node.inputs.length === 0) for (const t of node.outputs) outside.add(t)
  let [live, peak, copies] = [0, 0, 0]
  for (const node of order) {
    const inside = (tensors: readonly Tensor[]) => [...new Set(tensors.map(ownerOf))].filter((t) => !outside.has(t))
    if (!node.op.view) live += bytesOf(inside(node.outputs))
    peak = Math.max(peak, live)
    copies = Math.max(copies, bytesOf(node.op.copies?.(node, usualBlock) ?? []))
    live -= bytesOf(inside([...node.inputs, ...node.outputs]).filter((t) => lastUse.get(t) === node))
  }
  return peak + copies
}
