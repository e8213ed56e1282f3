import { constant, ShapeError, type Tensor } from '../graph/index.ts'
import { type Grid, hideUnless, type Params, rotary, unpatch } from '../nn/index.ts'
import { add, cast, equal, expand, matmul, mul, reshape, transpose } from '../ops/index.ts'
import { type WanConfig, wanParts } from './sora.ts'

/** Rows of packed samples: R rows of N tokens, S samples at most in each; L text tokens for each sample. */
export interface PackedClips {
  /** Which sample of its row a token belongs to, int32 [R, N], from 0; −1 for a token that fills up. */
  readonly sample: Tensor
  /** Place of the token in its sample, in patches, each int32 [R, N]. */
  readonly frames: Tensor
  readonly rows: Tensor
  readonly columns: Tensor
  readonly t: Tensor // [R, S] in 0…1000, the time of each sample
  readonly text: Tensor // [R, S, L, D text], its text states
  readonly mask?: Tensor // [R, S, L] float32: 1 where a text token counts
  readonly recompute?: boolean // as in WanInputs
}

/**
 * The transformer of `wanTransformer` on rows that hold clips and stills of any size and length (NaViT's packing, Dehghani
 * et al. 2023, section 2.1, for diffusion): the same parameters, and of each sample the same answer as alone. Every token
 * is a patch, given as a clip of its own: x [R·N, C, ...patch] → velocities [R·N, C out, ...patch]; those of tokens that
 * fill up mean nothing. `grid` holds the longest, highest and widest sample, in patches.
 */
export function packedWanTransformer(p: Params, config: WanConfig, grid: Grid) {
  const { width, textDim, patchSize } = config
  const { embed, condition, run, project } = wanParts(p, config)

  return p.scoped((x: Tensor, { sample, frames, rows, columns, t, text, mask, recompute }: PackedClips): Tensor => {
    const [[R, N], [, S, L]] = [sample.shape, text.shape]
    if (x.shape[0] !== R * N || t.shape.join() !== `${R},${S}` || text.shape[0] !== R)
      throw new ShapeError(
        'packedWanTransformer',
        'x must be [R·N, C, ...patch], sample [R, N], t [R, S], text [R, S, L, D]',
        {
          x,
          sample,
          t,
          text,
        },
      )
    const { time, modulation, context } = condition(reshape(t, [R * S]), reshape(text, [R * S, L, textDim]))
    const slots = constant(
      Int32Array.from({ length: S }, (_, i) => i),
      [1, 1, S],
    )
    const of = cast(equal(reshape(sample, [R, N, 1]), slots), 'float32') // [R, N, S]: 1 where a token is of a sample
    const perToken = (values: Tensor) => transpose(matmul(of, reshape(values, [R, S, -1])), [1, 0, 2]) // [N, R, ...]
    // A token reads the tokens of its own sample, and the text of its own sample.
    const own = hideUnless(equal(reshape(sample, [R, 1, N, 1]), reshape(sample, [R, 1, 1, N])))
    const reads = reshape(of, [R, N, S, 1])
    const texts = mask ? mul(reads, reshape(mask, [R, 1, S, L])) : expand(reads, [R, N, S, L])
    const tokens = run(
      transpose(reshape(embed(x), [R, N, width]), [1, 0, 2]), // [N, R, D]
      {
        modulation: perToken(modulation),
        context: reshape(transpose(reshape(context, [L, R, S, width]), [2, 0, 1, 3]), [S * L, R, width]),
        rotate: rotateRows(grid, config, [frames, rows, columns]),
        mask: hideUnless(reshape(texts, [R, 1, N, S * L])),
        own,
      },
      recompute,
    )
    const patches = transpose(project(tokens, perToken(time)), [1, 0, 2]) // [R, N, patch · C out]
    return unpatch(reshape(patches, [1, R * N, -1]), [1, 1, 1], patchSize)
  })
}

/** Rotary positions where each row has places of its own: x [N, R, D] → like x. */
function rotateRows(grid: Grid, config: WanConfig, [frames, rows, columns]: readonly Tensor[]) {
  const number = add(mul(add(mul(frames, grid.height), rows), grid.width), columns) // in the grid, row by row
  const turn = rotary(grid, { ...config, places: reshape(transpose(number), [-1]) })
  return (x: Tensor): Tensor => reshape(turn(reshape(x, [-1, config.width])), x.shape)
}
