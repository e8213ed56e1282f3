import { Input, input, nodesOf, type Op, ShapeError, type Tensor } from '../graph/index.ts'
import type { Parameter } from '../nn/index.ts'
import { add, mul, sum } from '../ops/index.ts'
import { grad } from '../transform/grad.ts'

// Gradient caching (Gao et al. 2021, arXiv:2101.06983, section 3): the loss reads the embeddings of many batches, but
// the encoders see one batch at a time. dL/dθ = Σ over batches of dL/dE · dE/dθ, where dL/dE was computed before, for all.

/** What one batch gives to a loss of all batches of a step, and what comes back to it. */
export interface GradientCache {
  /** What the loss reads of one batch [b, …], by name. */
  readonly rows: Readonly<Record<string, Tensor>>
  /** Gradients of the loss with respect to the rows of all batches [accumulate · b, …], by the names of the rows. */
  readonly rowGradients: Readonly<Record<string, Tensor>>
  /** By parameter, of one batch, fed with `gradient of` the rows of that batch. */
  readonly gradients: Readonly<Record<string, Tensor>>
}

/** What a build asks to be joined over the batches of a step. */
export interface Joined {
  /** Rows of one batch [b, …] → rows of all batches [accumulate · b, …]; the same where there is one batch. */
  readonly whole: (rows: Tensor) => Tensor
  readonly parts: readonly { readonly name: string; readonly rows: Tensor; readonly all: Tensor }[]
}

/** Starts with nothing joined. */
export function joining(accumulate: number): Joined {
  const parts: { name: string; rows: Tensor; all: Tensor }[] = []
  const whole = (rows: Tensor): Tensor => {
    if (accumulate === 1) return rows
    const name = `rows ${parts.length}`
    const all = input(name, [accumulate * rows.shape[0], ...rows.shape.slice(1)])
    parts.push({ name, rows, all })
    return all
  }
  return { whole, parts }
}

/** Gradients that the loss gives by itself, such as that of a scale, and those that go through the rows of each batch. */
export function cachedGradients(
  scalars: Readonly<Record<string, Tensor>>,
  parameters: readonly Parameter[],
  parts: Joined['parts'],
): { gradients: Record<string, Tensor>; cache: GradientCache } {
  const known = new Set([...parameters.map(({ tensor }) => tensor.node), ...parts.map(({ all }) => all.node)])
  for (const node of nodesOf(Object.values(scalars)))
    if (node.op === (Input as Op) && !known.has(node))
      throw new ShapeError('train', 'a loss of all batches of a step must read nothing of a batch beside `whole`', {
        input: node.outputs[0],
      })
  const { loss } = scalars
  const trained = parameters.filter((one) => one.trained)
  const read = new Set(nodesOf([loss]))
  const encoded = new Set(nodesOf(parts.map(({ rows }) => rows)))
  const direct = trained.filter(({ tensor }) => read.has(tensor.node))
  const through = trained.filter(({ tensor }) => encoded.has(tensor.node) || !read.has(tensor.node))
  const [tops, alls] = [direct.map(({ tensor }) => tensor), parts.map(({ all }) => all)]
  const top = grad(loss, [...tops, ...alls])
  // The gradient of Σ E · dL/dE, with dL/dE fixed, is dL/dE · dE/dθ.
  const products = parts.map(({ name, rows }) => sum(mul(rows, input(`gradient of ${name}`, rows.shape))))
  const below = grad(
    products.reduce((a, b) => add(a, b)),
    through.map(({ tensor }) => tensor),
  )
  return {
    gradients: Object.fromEntries(direct.map(({ name }, i) => [name, top[i]])),
    cache: {
      rows: Object.fromEntries(parts.map(({ name, rows }) => [name, rows])),
      rowGradients: Object.fromEntries(parts.map(({ name }, i) => [name, top[direct.length + i]])),
      gradients: Object.fromEntries(through.map(({ name }, i) => [name, below[i]])),
    },
  }
}
