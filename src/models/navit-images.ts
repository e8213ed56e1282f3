import { constant, type Tensor } from '../graph/index.ts'
import type { Params } from '../nn/index.ts'
import { concat, gather, mul, rearrange, reshape } from '../ops/index.ts'
import { type NaViTConfig, navit } from './navit.ts'

/**
 * NaViT asked as vit-pytorch asks it: rows of pictures [C, H, W], each of its own size, packed inside the graph →
 * logits [pictures, classes] in the order of the rows. `packPatches` packs outside of it, for training.
 */
export function navitImages(p: Params, config: NaViTConfig) {
  const network = navit(p, config)
  const { patchSize } = config
  return (rows: readonly (readonly Tensor[])[]): Tensor => {
    const patches = rows
      .flat()
      .map((image) => rearrange(image, 'c (h p) (w q) -> (h w) (c p q)', { p: patchSize, q: patchSize }))
    // Each token of a row: which of all patches it is, its place and its picture.
    let count = 0
    const tokens = rows.map((row) =>
      row.flatMap((image, sample) => {
        const [, height, width] = image.shape.map((side) => side / patchSize)
        return Array.from({ length: height * width }, (_, i) => {
          return { patch: count++, row: Math.floor(i / width), column: i % width, sample }
        })
      }),
    )
    const N = Math.max(...tokens.map((row) => row.length))
    const numbers = (of: (token: (typeof tokens)[number][number]) => number, spare: number) => {
      const filled = tokens.flatMap((row) => Array.from({ length: N }, (_, i) => (row[i] ? of(row[i]) : spare)))
      return constant(Int32Array.from(filled), [rows.length, N])
    }
    const slots = Math.max(...rows.map((row) => row.length))
    const logits = network(
      {
        patches: gather(
          concat([...patches, mul(patches[0], 0)], 0),
          numbers(({ patch }) => patch, count),
        ),
        rows: numbers(({ row }) => row, 0),
        columns: numbers(({ column }) => column, 0),
        sample: numbers(({ sample }) => sample, -1),
      },
      slots,
    )
    const taken = rows.flatMap((row, r) => row.map((_, s) => r * slots + s))
    return gather(reshape(logits, [rows.length * slots, -1]), constant(Int32Array.from(taken), [taken.length]))
  }
}
