import { input, type Tensor } from '../graph/index.ts'
import { add, batchedMatmul, mul, reciprocal, sqrt, square, sum } from '../ops/index.ts'

/** Matrices of one shape that are updated together: [count, rows, columns]. */
export type MatrixStack = readonly [count: number, rows: number, columns: number]

// The quintic of Jordan et al. 2024 ("Muon: an optimizer for hidden layers in neural networks"): steepest at zero.
const [a, b, c] = [3.4445, -4.775, 2.0315]
const iterations = 5

/**
 * Newton-Schulz iteration: each matrix of the stack [G, r, c] is replaced by one with nearly the same singular vectors
 * and singular values near 1 (Jordan et al. 2024; Bernstein & Newhouse 2024).
 */
function orthogonalize(stack: Tensor): Tensor {
  const [, rows, columns] = stack.shape
  const x = mul(stack, reciprocal(add(sqrt(sum(square(stack), [1, 2], true)), 1e-7))) // Frobenius norm 1
  // With the smaller of x xᵀ and xᵀ x, which lead to the same result.
  const wide = rows <= columns
  const gramOf = (x: Tensor) => batchedMatmul(x, x, wide ? { transposeB: true } : { transposeA: true })
  const times = (square: Tensor, x: Tensor) => (wide ? batchedMatmul(square, x) : batchedMatmul(x, square))
  return Math.max(rows, columns) < 2 * Math.min(rows, columns)
    ? direct(x, gramOf, times)
    : throughGram(x, gramOf, times)
}

type GramOf = (x: Tensor) => Tensor
type Times = (square: Tensor, x: Tensor) => Tensor

/** b g + c g²: what an iteration adds to a times the identity. */
const rest = (gram: Tensor): Tensor => add(mul(gram, b), batchedMatmul(gram, gram, { scale: c }))

/** x ← (a + b g + c g²) x with g = x xᵀ, again and again. */
function direct(x: Tensor, gramOf: GramOf, times: Times): Tensor {
  for (let i = 0; i < iterations; i++) x = add(mul(x, a), times(rest(gramOf(x)), x))
  return x
}

/**
 * The same for a long x: its factors are polynomials of the first g and commute, so that their product p + r (p a number)
 * and g ← (a + …) g (a + …) are followed among small squares, and x is met twice only: half of the operations at 1 : 4.
 */
function throughGram(x: Tensor, gramOf: GramOf, times: Times): Tensor {
  let g = gramOf(x)
  let [p, r]: [number, Tensor | undefined] = [1, undefined]
  for (let i = 0; i < iterations; i++) {
    const q = rest(g)
    const along = (t: Tensor) => add(mul(t, a), batchedMatmul(q, t))
    r = r ? add(along(r), mul(q, p)) : q
    p *= a
    if (i < iterations - 1) g = along(along(g))
  }
  return add(mul(x, p), times(r!, x))
}

/** One update for each stack of momenta, named alike: orthogonal matrices, to be scaled by `muonScale`. */
export function muonUpdates(stacks: Record<string, MatrixStack>): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(stacks).map(([name, shape]) => [name, orthogonalize(input(name, shape))]))
}

/** Factor that gives an update the root mean square of one of AdamW's (Liu et al. 2025, "Muon is scalable", eq. 4). */
export const muonScale = (rows: number, columns: number): number => 0.2 * Math.sqrt(Math.max(rows, columns))
