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
  let x = mul(stack, reciprocal(add(sqrt(sum(square(stack), [1, 2], true)), 1e-7))) // Frobenius norm 1
  for (let i = 0; i < iterations; i++) {
    // With the smaller of x xᵀ and xᵀ x, which lead to the same result.
    const wide = rows <= columns
    const gram = batchedMatmul(x, x, wide ? { transposeB: true } : { transposeA: true })
    const poly = add(mul(gram, b), batchedMatmul(gram, gram, { scale: c }))
    x = add(mul(x, a), wide ? batchedMatmul(poly, x) : batchedMatmul(x, poly))
  }
  return x
}

/** One update for each stack of momenta, named alike: orthogonal matrices, to be scaled by `muonScale`. */
export function muonUpdates(stacks: Record<string, MatrixStack>): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(stacks).map(([name, shape]) => [name, orthogonalize(input(name, shape))]))
}

/** Factor that gives an update the root mean square of one of AdamW's (Liu et al. 2025, "Muon is scalable", eq. 4). */
export const muonScale = (rows: number, columns: number): number => 0.2 * Math.sqrt(Math.max(rows, columns))
