import { constant, ShapeError, type Tensor } from '../graph/index.ts'

/** Distance between neighbouring patches along the two axes of a picture; 1 where absent. */
interface PositionScale {
  readonly height?: number
  readonly width?: number
}

/**
 * Fixed positions of a grid of patches as DiT has them (Peebles & Xie 2023, code; the rule of Vaswani et al. 2017,
 * section 3.5, for each axis): a constant [N, 1, D], row by row. The first half of the columns tells the column of the
 * patch, the second its row; each half is sines, then cosines.
 */
export function sinCosPositions(grid: readonly [height: number, width: number], D: number, scale: PositionScale = {}) {
  const quarter = D / 4
  if (!Number.isInteger(quarter))
    throw new ShapeError('sinCosPositions', 'the width must be a multiple of 4', { width: D })
  const [height, width] = grid
  const { height: stepY = 1, width: stepX = 1 } = scale
  const table = new Float32Array(height * width * D)
  let at = 0
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (const position of [Math.fround(x * stepX), Math.fround(y * stepY)])
        for (const wave of [Math.sin, Math.cos])
          for (let i = 0; i < quarter; i++) table[at++] = wave(position / 10000 ** (i / quarter))
  return constant(table, [height * width, 1, D]) satisfies Tensor
}
