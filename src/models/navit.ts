import { constant, ShapeError, type Tensor } from '../graph/index.ts'
import { attend, linear, normal, ones, type Params, zeros } from '../nn/index.ts'
import {
  add,
  cast,
  chunk,
  equal,
  expand,
  gather,
  gelu,
  layerNorm,
  mul,
  reshape,
  rmsNorm,
  sub,
  transpose,
} from '../ops/index.ts'
import { configFields } from './config-fields.ts'

/**
 * NaViT (Dehghani et al. 2023, arXiv:2307.06304): a vision transformer on rows that hold several pictures, each of its
 * own size and shape. Names and arithmetic are those of vit-pytorch's NaViT, the public implementation.
 */
export interface NaViTConfig {
  readonly imageSize: readonly [height: number, width: number] // largest, in pixels
  readonly patchSize: number
  readonly channels: number
  readonly classes: number
  readonly width: number // D
  readonly depth: number // blocks
  readonly heads: number
  readonly headWidth: number
  readonly hidden: number // width of the hidden layer of the feed-forward networks
}

/** Rows of packed pictures: R rows of N tokens, some of which fill a row up. */
export interface PackedPictures {
  readonly patches: Tensor // [R, N, C · P · P]
  readonly rows: Tensor // int32 [R, N]: the row of the patch in its picture
  readonly columns: Tensor // int32 [R, N]
  readonly picture: Tensor // int32 [R, N]: which picture of the row, from 0; −1 for a token that fills up
}

/** The classifier: `slots` pictures in each row → logits [R, slots, classes]; those of an empty slot mean nothing. */
export function navit(p: Params, config: NaViTConfig) {
  const { imageSize, patchSize, channels, classes, width, depth, hidden } = config
  const pixels = channels * patchSize ** 2
  const grid = imageSize.map((side) => side / patchSize)
  if (grid.some((n) => !Number.isInteger(n)))
    throw new ShapeError('navit', 'patchSize must divide the largest sides', { imageSize, patchSize })
  const at = p.at('to_patch_embedding')
  const [before, embed, after] = [norm(at.at(0), pixels), linear(at.at(1), pixels, width), norm(at.at(2), width)]
  // Factorised positions (section 2.1): a table for each axis, so that shapes never seen are sums of what was.
  const heights = p.get('pos_embed_height', [grid[0], width], normal(1))
  const widths = p.get('pos_embed_width', [grid[1], width], normal(1))
  const blocks = Array.from({ length: depth }, (_, i) => block(p.at('transformer.layers').at(i), config, hidden))
  const last = norm(p.at('transformer.norm'), width)
  const query = p.get('attn_pool_queries', [width], normal(1))
  const pool = navitAttention(p.at('attn_pool'), config)
  const [headNorm, head] = [
    norm(p.at('mlp_head.0'), width),
    linear(p.at('mlp_head.1'), width, classes, { bias: false }),
  ]

  return p.scoped(({ patches, rows, columns, picture }: PackedPictures, slots: number): Tensor => {
    const [R, N, size] = patches.shape
    if (size !== pixels || rows.shape.join() !== `${R},${N}`)
      throw new ShapeError('navit', `patches must be [R, N, ${pixels}], and rows, columns and picture [R, N]`, {
        patches,
        rows,
      })
    const where = add(gather(heights, transpose(rows)), gather(widths, transpose(columns))) // [N, R, D]
    let x = add(after(embed(before(transpose(patches, [1, 0, 2])))), where) // [N, R, D]
    const own = reshape(picture, [R, 1, 1, N])
    const mask = hideUnless(equal(reshape(picture, [R, 1, N, 1]), own)) // a picture sees itself alone
    for (const one of blocks) x = one(x, mask)
    // Pooling after the trunk: in each slot the same query looks at the tokens of one picture.
    const numbers = constant(
      Int32Array.from({ length: slots }, (_, i) => i),
      [1, 1, slots, 1],
    )
    const queries = expand(reshape(query, [1, 1, width]), [slots, R, width])
    const pooled = pool(queries, { context: last(x), mask: hideUnless(equal(numbers, own)) }) // [S, R, D]
    return transpose(head(headNorm(add(pooled, queries))), [1, 0, 2]) // [R, S, classes]
  })
}

/** Layer norm with a gain that is learned and a bias that is not (section 3, as ViT-22B). */
function norm(p: Params, width: number) {
  const [gain, bias] = [p.get('gamma', [width], ones), p.buffer('beta', [width], zeros)]
  return p.scoped((x: Tensor): Tensor => layerNorm(x, { gain, bias }))
}

/** What is added to scores: 0 where a pair may meet, else a large negative number. */
const hideUnless = (meets: Tensor): Tensor => mul(sub(cast(meets, 'float32'), 1), 1e9)

/**
 * Multi-head attention whose queries and keys have length √d and a learned gain in each head, and no 1 / √d:
 * x [N, R, D] → [N, R, D]; it reads x itself, or a context that is taken as it is.
 */
function navitAttention(p: Params, { width, heads, headWidth }: NaViTConfig) {
  const inner = heads * headWidth
  const before = norm(p.at('norm'), width)
  const [gainQ, gainK] = ['q_norm', 'k_norm'].map((name) => p.at(name).get('gamma', [heads, 1, headWidth], ones))
  const toQ = linear(p.at('to_q'), width, inner, { bias: false })
  const toKV = linear(p.at('to_kv'), width, 2 * inner, { bias: false })
  const toOut = linear(p.at('to_out').at(0), inner, width, { bias: false })
  const even = (x: Tensor, gain: Tensor): Tensor => {
    const [N, R] = x.shape
    const apart = reshape(x, [N, R, heads, headWidth])
    return reshape(mul(rmsNorm(apart, { eps: 1e-12 }), reshape(gain, [heads, headWidth])), [N, R, inner])
  }
  return p.scoped((x: Tensor, { context, mask }: { context?: Tensor; mask: Tensor }): Tensor => {
    const y = before(x)
    const [k, v] = chunk(toKV(context ?? y), 2)
    return toOut(attend(even(toQ(y), gainQ), even(k, gainK), v, { heads, mask, scale: 1 }))
  })
}

/** Pre-norm block: x [N, R, D] → [N, R, D]. */
function block(p: Params, config: NaViTConfig, hidden: number) {
  const { width } = config
  const attention = navitAttention(p.at(0), config)
  const feed = p.at(1)
  const [before, up, down] = [
    norm(feed.at(0), width),
    linear(feed.at(1), width, hidden),
    linear(feed.at(4), hidden, width),
  ]
  return (x: Tensor, mask: Tensor): Tensor => {
    x = add(x, attention(x, { mask }))
    return add(x, down(gelu(up(before(x)))))
  }
}

/** Reads the settings of vit-pytorch's NaViT as a `config.json`. */
export function navitConfig(json: unknown): NaViTConfig {
  const c = configFields('NaViT', json)
  c.only('token_dropout_prob', null)
  return {
    imageSize: c.counts('image_size', undefined, 2) as [number, number],
    patchSize: c.count('patch_size'),
    channels: c.count('channels', 3),
    classes: c.count('num_classes'),
    width: c.count('dim'),
    depth: c.count('depth'),
    heads: c.count('heads'),
    headWidth: c.count('dim_head', 64),
    hidden: c.count('mlp_dim'),
  }
}
