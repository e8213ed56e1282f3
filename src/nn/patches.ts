import { type Shape, ShapeError, size, type Tensor } from '../graph/index.ts'
import { gemm, matmul, reshape, slice, transpose } from '../ops/index.ts'
import { xavierUniform, zeros } from './init.ts'
import type { Init, Params } from './params.ts'

/** Settings of a patch embedding. */
export interface PatchesConfig {
  readonly channels: number // C of the picture or clip
  readonly width: number // D of a token
  readonly patch: readonly number[] // size of a patch along each axis of the picture or clip
  readonly bias?: boolean // whether one number is added to each column; true
  readonly init?: Init
}

/** Patches along each axis; every size must be a multiple of the patch's. */
export function patchGrid(sizes: Shape, patch: readonly number[]): number[] {
  const grid = sizes.map((n, i) => n / patch[i])
  if (sizes.length !== patch.length || grid.some((n) => !Number.isInteger(n)))
    throw new ShapeError('patches', 'every size must be a multiple of the patch size', { sizes, patch })
  return grid
}

/** x without what is left behind the last whole patch of each axis: such pixels a convolution by strides does not see. */
export const wholePatches = (x: Tensor, patch: readonly number[]): Tensor =>
  patch.reduce((t, n, i) => slice(t, i + 2, 0, t.shape[i + 2] - (t.shape[i + 2] % n)), x)

/** Pictures or clips cut into patches: x [B, C, ...sizes] → rows [N·B, C·patch], patch by patch, samples innermost. */
function patchRows(x: Tensor, patch: readonly number[]): Tensor {
  const [B, C, ...sizes] = x.shape
  const grid = patchGrid(sizes, patch)
  const axes = [...grid.keys()]
  const cut = reshape(x, [B, C, ...axes.flatMap((i) => [grid[i], patch[i]])])
  const order = [...axes.map((i) => 2 + 2 * i), 0, 1, ...axes.map((i) => 3 + 2 * i)]
  return reshape(transpose(cut, order), [size(grid) * B, C * size(patch)])
}

/**
 * Patch embedding (Dosovitskiy et al. 2021, section 3.1; in time too: the tubelets of Arnab et al. 2021): a convolution
 * whose stride is its kernel, x [B, C, ...sizes] → tokens [N, B, D] in row-major order of the grid.
 */
export function patches(p: Params, { channels, width, patch, bias = true, init = flatXavier }: PatchesConfig) {
  const weight = p.get('weight', [width, channels, ...patch], init)
  const b = bias ? p.get('bias', [width], zeros) : undefined
  return p.scoped((x: Tensor): Tensor => {
    if (x.shape[1] !== channels) throw new ShapeError('patches', `x must have ${channels} channels`, { x })
    const rows = patchRows(x, patch)
    const matrix = reshape(weight, [width, -1])
    const y = b ? gemm(rows, matrix, b, { transposeB: true }) : matmul(rows, matrix, { transposeB: true })
    return reshape(y, [-1, x.shape[0], width])
  })
}

/** Xavier over the flattened kernel, as if the embedding were the linear layer that it is (Peebles & Xie 2023, code). */
const flatXavier: Init = (shape, random) => xavierUniform([shape[0], size(shape.slice(1))], random)

/**
 * The opposite of cutting, for an output layer whose columns are [...patch, C]: tokens [N, B, patch·C] of a grid →
 * [B, C, ...sizes].
 */
export function unpatch(x: Tensor, grid: readonly number[], patch: readonly number[]): Tensor {
  const [, B, columns] = x.shape
  const n = grid.length
  const C = columns / size(patch)
  const apart = reshape(x, [...grid, B, ...patch, C])
  const order = [n, 2 * n + 1, ...grid.flatMap((_, i) => [i, n + 1 + i])]
  return reshape(transpose(apart, order), [B, C, ...grid.map((m, i) => m * patch[i])])
}
