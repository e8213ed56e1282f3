import { constant, ShapeError, type Tensor } from '../graph/index.ts'
import { add, matmul, mul, reshape } from '../ops/index.ts'

/** A grid of tokens in space and time. */
export interface Grid {
  readonly frames: number // T
  readonly height: number // H, in tokens
  readonly width: number // W, in tokens
}

/** Number of tokens of a grid. */
export const tokensOf = ({ frames, height, width }: Grid): number => frames * height * width

/**
 * How the pairs of one head are shared among time, height and width: Wan gives each of the two spatial axes 2 ⌊d / 6⌋
 * columns and time the rest (Wan 2.1, `WanRotaryPosEmbed`).
 */
export function rotaryColumns(headWidth: number): [number, number, number] {
  const spatial = 2 * Math.floor(headWidth / 6)
  return [headWidth - 2 * spatial, spatial, spatial]
}

/** Cosines and sines of each token of a grid: two arrays [N, d / 2], angle = position · theta^(−2i / columns). */
export function rotaryTables(grid: Grid, headWidth: number, theta = 10000) {
  const half = headWidth / 2
  const cosines = new Float32Array(tokensOf(grid) * half)
  const sines = new Float32Array(tokensOf(grid) * half)
  const columns = rotaryColumns(headWidth)
  let at = 0
  for (let t = 0; t < grid.frames; t++)
    for (let y = 0; y < grid.height; y++)
      for (let x = 0; x < grid.width; x++)
        columns.forEach((count, axis) => {
          for (let i = 0; i < count / 2; i++, at++) {
            const angle = [t, y, x][axis] / theta ** ((2 * i) / count)
            cosines[at] = Math.cos(angle)
            sines[at] = Math.sin(angle)
          }
        })
  return { cosines, sines }
}

/**
 * Rotary positions in three axes (Su et al. 2021, section 3.2.2; per axis as in Wan 2.1) for tokens [N, B, D] of
 * `heads` heads: neighbouring columns (2i, 2i + 1) of a head turn by the angle of the token.
 */
export function rotary(grid: Grid, { width, heads }: { width: number; heads: number }) {
  const d = width / heads
  if (!Number.isInteger(d) || d % 2 !== 0)
    throw new ShapeError('rotary', 'width / heads must be an even whole number', { width, heads })
  const N = tokensOf(grid)
  const { cosines, sines } = rotaryTables(grid, d)
  const twice = (table: Float32Array) => Float32Array.from({ length: N * d }, (_, i) => table[i >> 1])
  const cos = constant(twice(cosines), [N, 1, 1, d])
  const sin = constant(twice(sines), [N, 1, 1, d])
  const turn = quarterTurn(d)
  return (x: Tensor): Tensor => {
    const [n, B, D] = x.shape
    if (n !== N) throw new ShapeError('rotary', `the grid holds ${N} tokens`, { x })
    const apart = reshape(x, [N, B, heads, d])
    return reshape(add(mul(apart, cos), mul(matmul(apart, turn), sin)), [N, B, D])
  }
}

/** The matrix [d, d] that sends each pair (a, b) to (−b, a): one small product is faster than moving single columns. */
function quarterTurn(d: number): Tensor {
  const matrix = new Float32Array(d * d)
  for (let i = 0; i < d; i += 2) {
    matrix[i * d + i + 1] = 1
    matrix[(i + 1) * d + i] = -1
  }
  return constant(matrix, [d, d])
}
