import { constant, input, ShapeError, type Tensor } from '../graph/index.ts'
import { attend, hideUnless, linear, normal, ones, type Params, zeros } from '../nn/index.ts'
import {
  add,
  chunk,
  concat,
  cos,
  crossEntropy,
  div,
  equal,
  expand,
  gather,
  gelu,
  layerNorm,
  matmul,
  mul,
  reshape,
  rmsNorm,
  sin,
  sqrt,
  square,
  sum,
  transpose,
  where,
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
  readonly classes: number // or the width of the vectors, where the head is the contrastive one
  readonly width: number // D
  readonly depth: number // blocks
  readonly heads: number
  readonly headWidth: number
  readonly hidden: number // width of the hidden layer of the feed-forward networks
  /** How a patch is told its place: by its row and column, or by its part of the height and width; 'absolute' where absent. */
  readonly positions?: 'absolute' | 'fractional'
}

/** Rows of packed pictures: R rows of N tokens, some of which fill a row up. */
export interface PackedPictures {
  readonly patches: Tensor // [R, N, C · P · P]
  /** The row and column of the patch in its picture, each int32 [R, N], or as parts of the sides, float32 [R, N]. */
  readonly rows: Tensor
  readonly columns: Tensor
  readonly sample: Tensor // int32 [R, N]: which picture of the row, from 0; −1 for a token that fills up
}

/** Leaves of a graph for rows of packed pictures, under the names of `packPatches`: R rows of N tokens. */
export function navitInputs(
  { patchSize, channels, positions }: NaViTConfig,
  { rows: R, length: N }: { readonly rows: number; readonly length: number },
): PackedPictures {
  const [rows, columns] =
    positions === 'fractional'
      ? [input('down', [R, N]), input('across', [R, N])]
      : [input('rows', [R, N], 'int32'), input('columns', [R, N], 'int32')]
  return {
    ...{ patches: input('patches', [R, N, channels * patchSize ** 2]), rows, columns },
    sample: input('sample', [R, N], 'int32'),
  }
}

/** Cross-entropy of the pictures in packed rows: logits [R, S, classes], labels int32 [R · S], −100 in empty slots. */
export const navitLoss = (logits: Tensor, labels: Tensor): Tensor =>
  crossEntropy(reshape(logits, [-1, logits.shape[2]]), labels, { ignore: -100 })

/** The classifier: `slots` pictures in each row → logits [R, slots, classes]; those of an empty slot mean nothing. */
export function navit(p: Params, config: NaViTConfig) {
  const { imageSize, patchSize, channels, classes, width, depth, hidden } = config
  const pixels = channels * patchSize ** 2
  const grid = imageSize.map((side) => side / patchSize)
  if (grid.some((n) => !Number.isInteger(n)))
    throw new ShapeError('navit', 'patchSize must divide the largest sides', { imageSize, patchSize })
  const at = p.at('to_patch_embedding')
  const [before, embed, after] = [norm(at.at(0), pixels), linear(at.at(1), pixels, width), norm(at.at(2), width)]
  const place = factorisedPositions(p, config, grid)
  const blocks = Array.from({ length: depth }, (_, i) => block(p.at('transformer.layers').at(i), config, hidden))
  const last = norm(p.at('transformer.norm'), width)
  const query = p.get('attn_pool_queries', [width], normal(1))
  const pool = navitAttention(p.at('attn_pool'), config)
  const [headNorm, head] = [
    norm(p.at('mlp_head.0'), width),
    linear(p.at('mlp_head.1'), width, classes, { bias: false }),
  ]

  return p.scoped(({ patches, rows, columns, sample }: PackedPictures, slots: number): Tensor => {
    const [R, N, size] = patches.shape
    if (size !== pixels || rows.shape.join() !== `${R},${N}`)
      throw new ShapeError('navit', `patches must be [R, N, ${pixels}], and rows, columns and sample [R, N]`, {
        patches,
        rows,
      })
    const where = place(transpose(rows), transpose(columns)) // [N, R, D]
    let x = add(after(embed(before(transpose(patches, [1, 0, 2])))), where) // [N, R, D]
    const own = reshape(sample, [R, 1, 1, N])
    const mask = hideUnless(equal(reshape(sample, [R, 1, N, 1]), own)) // a picture sees itself alone
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

/**
 * The contrastive loss of packed pictures and their texts (section 2.3; Radford et al. 2021, figure 3): vectors
 * [R, S, E] of both, `filled` int32 [R, S], 1 where a slot holds a picture; empty slots are no one's answer and ask nothing.
 */
export function navitContrast(
  pictures: Tensor,
  texts: Tensor,
  { filled, scale }: { filled: Tensor; scale: Tensor },
): Tensor {
  const E = pictures.shape[2]
  const flat = (x: Tensor) => {
    const rows = reshape(x, [-1, E])
    return div(rows, sqrt(add(sum(square(rows), -1, true), 1e-12)))
  }
  const logits = mul(matmul(flat(pictures), transpose(flat(texts))), scale) // [R·S, R·S]
  const count = logits.shape[0]
  const there = reshape(filled, [count])
  const own = constant(
    Int32Array.from({ length: count }, (_, i) => i),
    [count],
  )
  const labels = where(equal(there, 1), own, -100)
  const hidden = hideUnless(reshape(there, [1, count]))
  const ask = (scores: Tensor) => crossEntropy(add(scores, hidden), labels, { ignore: -100 })
  return mul(add(ask(logits), ask(transpose(logits))), 0.5)
}

/**
 * Factorised positions (section 2.1): a sum of one vector for the height and one for the width, so that shapes never seen
 * are sums of what was. Absolute ones are tables of rows and columns; fractional ones are learned mixtures of the waves
 * sin 2ᵏπr and cos 2ᵏπr of a part r of the side, k = 0…5 (the paper's learned Fourier embedding).
 */
function factorisedPositions(p: Params, { width, positions = 'absolute' }: NaViTConfig, grid: readonly number[]) {
  const fractional = positions === 'fractional'
  const tables = ['pos_embed_height', 'pos_embed_width'].map((name, axis) =>
    fractional
      ? p.get(name, [2 * octaves, width], normal(octaves ** -0.5)) // then a place has as much variance as in a table
      : p.get(name, [grid[axis], width], normal(1)),
  )
  const look = (at: Tensor, axis: number) => (fractional ? matmul(waves(at), tables[axis]) : gather(tables[axis], at))
  return (rows: Tensor, columns: Tensor): Tensor => {
    const want = fractional ? 'float32' : 'int32'
    if (rows.dtype !== want || columns.dtype !== want)
      throw new ShapeError('navit', `rows and columns of ${positions} positions must be ${want}`, { type: rows.dtype })
    return add(look(rows, 0), look(columns, 1))
  }
}

const octaves = 6

/** sin 2ᵏπr, then cos 2ᵏπr, for k = 0…5: r [...] → [..., 12]. */
function waves(r: Tensor): Tensor {
  const frequencies = Float32Array.from({ length: octaves }, (_, k) => 2 ** k * Math.PI)
  const angles = mul(reshape(r, [...r.shape, 1]), constant(frequencies, [octaves]))
  return concat([sin(angles), cos(angles)], -1)
}

/** Layer norm with a gain that is learned and a bias that is not (section 3, as ViT-22B). */
function norm(p: Params, width: number) {
  const [gain, bias] = [p.get('gamma', [width], ones), p.buffer('beta', [width], zeros)]
  return p.scoped((x: Tensor): Tensor => layerNorm(x, { gain, bias }))
}

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
