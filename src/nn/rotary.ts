import { ShapeError, type Tensor } from '../graph/index.ts'
import { rotate } from '../ops/index.ts'

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
 * `heads` heads: neighbouring columns (2i, 2i + 1) of a head turn by the angle of the token. With int32 `places` [N],
 * tokens are some of the grid's: token n is number places[n] of it.
 */
export function rotary(grid: Grid, { width, heads, places }: { width: number; heads: number; places?: Tensor }) {
  const d = width / heads
  if (!Number.isInteger(d) || d % 2 !== 0)
    throw new ShapeError('rotary', 'width / heads must be an even whole number', { width, heads })
  const angles = { ...rotaryTables(grid, d), shape: [tokensOf(grid), d / 2] }
  return (x: Tensor): Tensor => {
    if (!places && x.shape[0] !== tokensOf(grid))
      throw new ShapeError('rotary', `the grid holds ${tokensOf(grid)} tokens`, { x })
    return rotate(x, angles, places)
  }
}
