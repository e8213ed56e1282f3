import type { Tensor } from '../graph/index.ts'
import {
  layerNorm as affineNorm,
  attention,
  embedding,
  linear,
  mlp,
  normal,
  type Params,
  timestepEmbedding,
  xavierUniform,
  zeros,
} from '../nn/index.ts'
import { add, chunk, concat, gelu, geluTanh, layerNorm, mul, quickGelu, reshape, silu } from '../ops/index.ts'

// The four blocks of Peebles & Xie 2023, section 3.2 and figure 3. Their code was published for adaLN-Zero alone; the
// others carry the names that diffusers gives to such layers.

/** Feed-forward networks as diffusers names them. */
export const feedForwards = {
  gelu: { activation: gelu },
  'gelu-approximate': { activation: geluTanh },
  geglu: { activation: gelu, gated: true },
  'geglu-approximate': { activation: quickGelu },
  swiglu: { activation: silu, gated: true },
  'linear-silu': { activation: silu },
} as const

/** What every block is made by. */
export interface DiTBlockConfig {
  readonly width: number // D
  readonly heads: number
  readonly mlpRatio: number
  readonly feedForward: keyof typeof feedForwards
  readonly qkvBias: boolean
  readonly normGain: boolean // whether the norm before the feed-forward network of adaLN-Zero has gain and bias
  readonly eps: number // of that norm
  readonly classes: number // the label `classes` itself means "no label", for guidance
  readonly sharedEmbedding?: boolean // whether all blocks with adaLN share one embedding of time and label, as in the paper
  readonly randomModulation?: boolean // whether modulation starts at random instead of at zero, to see what the zeros do
}

/** Embedding of time and label as one vector [B, D]. */
export type Embed = (t: Tensor, labels: Tensor) => Tensor

const modulationOf = (p: Params, { width, randomModulation }: DiTBlockConfig, count: number) =>
  linear(p.at('norm1.linear'), width, count * width, { init: randomModulation ? xavierUniform : zeros })

/** x · (1 + scale) + shift, with one shift and scale per sample, or per token: x [N, B, D], shift and scale [B, D] or [N, B, D]. */
export const modulate = (x: Tensor, shift: Tensor, scale: Tensor): Tensor => add(mul(x, add(scale, 1)), shift)

/** Embeddings of time, t [B] in 0…1000, and label, int32 [B] → each [B, D]. */
export function conditions(p: Params, { width, classes }: Pick<DiTBlockConfig, 'width' | 'classes'>) {
  const init = normal(0.02)
  const layers = { from: 256, width, hidden: width, activation: silu, names: ['linear_1', 'linear_2'], init } as const
  const embedTime = mlp(p.at('timestep_embedder'), layers)
  const embedLabel = embedding(p.at('class_embedder.embedding_table'), classes + 1, width, { init })
  const time = p.scoped((t: Tensor) => embedTime(timestepEmbedding(t, 256, { shift: 1 })))
  return {
    /** Both as one vector [B, D]. */
    sum: p.scoped((t: Tensor, labels: Tensor): Tensor => add(time(t), embedLabel(labels))),
    /** Each as a token: [2, B, D]. */
    tokens: p.scoped((t: Tensor, labels: Tensor): Tensor => {
      const rows = [time(t), embedLabel(labels)]
      return concat(
        rows.map((row) => reshape(row, [1, ...row.shape])),
        0,
      )
    }),
  }
}

/** What a block is told: time and label as they came, or as tokens [2, B, D] where all blocks share their embedding. */
export interface Told {
  readonly t: Tensor
  readonly labels: Tensor
  readonly tokens?: Tensor
}

const feedOf = (p: Params, { width, mlpRatio, feedForward }: DiTBlockConfig) =>
  mlp(p.at('ff'), { width, hidden: mlpRatio * width, ...feedForwards[feedForward] })

/**
 * Block with adaLN-Zero: x [N, B, D], t [B], labels [B] → [N, B, D]. Starts as the identity. The published class keeps an
 * embedding of time and label in every block, the paper one for all (`shared`); the last layer reads that of the first.
 */
export function adaLNZeroBlock(p: Params, config: DiTBlockConfig, shared?: Embed) {
  const { width, heads, qkvBias, normGain, eps } = config
  const embed = shared ?? conditions(p.at('norm1.emb'), config).sum
  const modulation = modulationOf(p, config, 6)
  const attend = attention(p.at('attn1'), { width, heads, qkvBias })
  const norm3 = normGain ? affineNorm(p.at('norm3'), width, { eps }) : (x: Tensor) => layerNorm(x, { eps })
  const feed = feedOf(p, config)

  const run = p.scoped((x: Tensor, { t, labels }: Told): Tensor => {
    const [shift1, scale1, gate1, shift2, scale2, gate2] = chunk(modulation(silu(embed(t, labels))), 6) // each [B, D]
    x = add(x, mul(gate1, attend(modulate(layerNorm(x, { eps: 1e-6 }), shift1, scale1))))
    return add(x, mul(gate2, feed(modulate(norm3(x), shift2, scale2))))
  })
  return { run, embed }
}

/** Block with adaLN: as adaLN-Zero, but nothing gates what is added. */
export function adaLNBlock(p: Params, config: DiTBlockConfig, shared?: Embed) {
  const { width, heads, qkvBias } = config
  const embed = shared ?? conditions(p.at('norm1.emb'), config).sum
  const modulation = modulationOf(p, config, 4)
  const attend = attention(p.at('attn1'), { width, heads, qkvBias })
  const feed = feedOf(p, config)

  const run = p.scoped((x: Tensor, { t, labels }: Told): Tensor => {
    const [shift1, scale1, shift2, scale2] = chunk(modulation(silu(embed(t, labels))), 4) // each [B, D]
    x = add(x, attend(modulate(layerNorm(x, { eps: 1e-6 }), shift1, scale1)))
    return add(x, feed(modulate(layerNorm(x, { eps: 1e-6 }), shift2, scale2)))
  })
  return { run, embed }
}

/** Block with cross-attention to the two tokens of time and label, after the self-attention. */
export function crossAttentionBlock(p: Params, config: DiTBlockConfig) {
  const { width, heads, qkvBias } = config
  const [norm1, norm2, norm3] = [1, 2, 3].map((i) => affineNorm(p.at(`norm${i}`), width, { eps: 1e-6 }))
  const attend = attention(p.at('attn1'), { width, heads, qkvBias })
  const read = attention(p.at('attn2'), { width, heads, qkvBias })
  const feed = feedOf(p, config)
  const run = p.scoped((x: Tensor, { tokens }: Told): Tensor => {
    x = add(x, attend(norm1(x)))
    x = add(x, read(norm2(x), { context: tokens }))
    return add(x, feed(norm3(x)))
  })
  return { run, embed: undefined }
}

/** A plain block of ViT: with in-context conditioning, time and label are two more tokens of x. */
export function inContextBlock(p: Params, config: DiTBlockConfig) {
  const { width, heads, qkvBias } = config
  const [norm1, norm3] = [1, 3].map((i) => affineNorm(p.at(`norm${i}`), width, { eps: 1e-6 }))
  const attend = attention(p.at('attn1'), { width, heads, qkvBias })
  const feed = feedOf(p, config)
  const run = p.scoped((x: Tensor): Tensor => {
    x = add(x, attend(norm1(x)))
    return add(x, feed(norm3(x)))
  })
  return { run, embed: undefined }
}
