import { ShapeError, type Tensor } from '../graph/index.ts'
import {
  layerNorm as affineNorm,
  attention,
  embedding,
  linear,
  mlp,
  normal,
  type Params,
  patches,
  patchGrid,
  sinCosPositions,
  timestepEmbedding,
  unpatch,
  zeros,
} from '../nn/index.ts'
import { add, chunk, gelu, geluTanh, layerNorm, mul, quickGelu, silu } from '../ops/index.ts'
import { configFields } from './config-fields.ts'

/** Diffusion transformer (Peebles & Xie 2023, arXiv:2212.09748), class DiTTransformer2DModel of diffusers. */
export interface DiTConfig {
  readonly width: number // D
  readonly depth: number // blocks
  readonly heads: number
  readonly mlpRatio: number
  readonly feedForward: keyof typeof feedForwards
  readonly qkvBias: boolean
  readonly normGain: boolean // whether the norm before the feed-forward network has gain and bias
  readonly eps: number // of that norm
  readonly imageSize: number // of the latents that the positions are made for
  readonly patchSize: number
  readonly channels: number // of the latents
  readonly outChannels: number // twice as many where the network also predicts variances
  readonly classes: number // the label `classes` itself means "no label", for guidance
}

/** Feed-forward networks as diffusers names them. */
const feedForwards = {
  gelu: { activation: gelu },
  'gelu-approximate': { activation: geluTanh },
  geglu: { activation: gelu, gated: true },
  'geglu-approximate': { activation: quickGelu },
  swiglu: { activation: silu, gated: true },
  'linear-silu': { activation: silu },
} as const

const published = {
  mlpRatio: 4,
  feedForward: 'gelu-approximate',
  qkvBias: true,
  normGain: false,
  eps: 1e-6,
  imageSize: 32,
  channels: 4,
  outChannels: 8,
  classes: 1000,
} as const
const small = { ...published, width: 384, depth: 12, heads: 6 }
const base = { ...published, width: 768, depth: 12, heads: 12 }
const large = { ...published, width: 1024, depth: 24, heads: 16 }
const xlarge = { ...published, width: 1152, depth: 28, heads: 16 }

/** Table 1 of Peebles & Xie 2023, for 256 × 256 pictures. */
export const ditSizes = {
  'DiT-S/8': { ...small, patchSize: 8 },
  'DiT-S/4': { ...small, patchSize: 4 },
  'DiT-S/2': { ...small, patchSize: 2 },
  'DiT-B/8': { ...base, patchSize: 8 },
  'DiT-B/4': { ...base, patchSize: 4 },
  'DiT-B/2': { ...base, patchSize: 2 },
  'DiT-L/8': { ...large, patchSize: 8 },
  'DiT-L/4': { ...large, patchSize: 4 },
  'DiT-L/2': { ...large, patchSize: 2 },
  'DiT-XL/8': { ...xlarge, patchSize: 8 },
  'DiT-XL/4': { ...xlarge, patchSize: 4 },
  'DiT-XL/2': { ...xlarge, patchSize: 2 },
} satisfies Record<string, DiTConfig>

/** x · (1 + scale) + shift, with one shift and scale per sample, or per token: x [N, B, D], shift and scale [B, D] or [N, B, D]. */
export const modulate = (x: Tensor, shift: Tensor, scale: Tensor): Tensor => add(mul(x, add(scale, 1)), shift)

/** Time and label as one vector: t [B] in 0…1000, labels int32 [B] → [B, D]. */
function condition(p: Params, { width, classes }: DiTConfig) {
  const init = normal(0.02)
  const time = p.at('timestep_embedder')
  const embedTime = mlp(time, {
    from: 256,
    width,
    hidden: width,
    activation: silu,
    names: ['linear_1', 'linear_2'],
    init,
  })
  const embedLabel = embedding(p.at('class_embedder.embedding_table'), classes + 1, width, { init })
  return p.scoped(
    (t: Tensor, labels: Tensor): Tensor => add(embedTime(timestepEmbedding(t, 256, { shift: 1 })), embedLabel(labels)),
  )
}

/**
 * DiT block with adaLN-Zero (section 3.2, figure 3): x [N, B, D], t [B], labels [B] → [N, B, D]. Starts as the identity.
 * The published class keeps an embedding of time and label in every block; the last layer reads that of the first.
 */
export function ditBlock(p: Params, config: DiTConfig) {
  const { width, heads, mlpRatio, feedForward, qkvBias, normGain, eps } = config
  const embed = condition(p.at('norm1.emb'), config)
  const modulation = linear(p.at('norm1.linear'), width, 6 * width, { init: zeros })
  const attend = attention(p.at('attn1'), { width, heads, qkvBias })
  const norm3 = normGain ? affineNorm(p.at('norm3'), width, { eps }) : (x: Tensor) => layerNorm(x, { eps })
  const feed = mlp(p.at('ff'), { width, hidden: mlpRatio * width, ...feedForwards[feedForward] })

  const run = p.scoped((x: Tensor, t: Tensor, labels: Tensor): Tensor => {
    const [shift1, scale1, gate1, shift2, scale2, gate2] = chunk(modulation(silu(embed(t, labels))), 6) // each [B, D]
    x = add(x, mul(gate1, attend(modulate(layerNorm(x, { eps: 1e-6 }), shift1, scale1))))
    return add(x, mul(gate2, feed(modulate(norm3(x), shift2, scale2))))
  })
  return { run, embed }
}

/** The denoiser: latents x [B, C, H, W] (square), t [B] in 0…1000, labels int32 [B] → [B, C out, H, W]. */
export function dit(p: Params, config: DiTConfig) {
  const { width, depth, patchSize, channels, outChannels, imageSize } = config
  const patch = [patchSize, patchSize]
  const embed = patches(p.at('pos_embed.proj'), { channels, width, patch })
  const blocks = Array.from({ length: depth }, (_, i) => ditBlock(p.at(`transformer_blocks.${i}`), config))
  const modulation = linear(p.at('proj_out_1'), width, 2 * width, { init: zeros })
  const project = linear(p.at('proj_out_2'), width, patchSize ** 2 * outChannels, { init: zeros })

  return p.scoped((x: Tensor, t: Tensor, labels: Tensor): Tensor => {
    if (x.shape.length !== 4 || x.shape[1] !== channels || x.shape[2] !== x.shape[3])
      throw new ShapeError('dit', `x must be [B, ${channels}, H, W] with H equal to W`, { x })
    const [side] = patchGrid(x.shape.slice(2), patch)
    const step = Math.floor(imageSize / patchSize) / side // positions always run over the grid of imageSize
    let tokens = add(embed(x), sinCosPositions([side, side], width, { height: step, width: step })) // [N, B, D]
    for (const block of blocks) tokens = block.run(tokens, t, labels)
    const [shift, scale] = chunk(modulation(silu(blocks[0].embed(t, labels))), 2) // each [B, D]
    return unpatch(project(modulate(layerNorm(tokens, { eps: 1e-6 }), shift, scale)), [side, side], patch)
  })
}

/** Reads the `config.json` of a DiTTransformer2DModel. */
export function ditConfig(json: unknown): DiTConfig {
  const c = configFields('DiTTransformer2DModel', json)
  c.only('norm_type', 'ada_norm_zero')
  const heads = c.count('num_attention_heads', 16)
  const channels = c.count('in_channels', 4)
  return {
    width: heads * c.count('attention_head_dim', 72),
    depth: c.count('num_layers', 28),
    heads,
    mlpRatio: 4,
    feedForward: c.oneOf('activation_fn', Object.keys(feedForwards) as DiTConfig['feedForward'][], 'gelu-approximate'),
    qkvBias: c.flag('attention_bias', true),
    normGain: c.flag('norm_elementwise_affine', false),
    eps: c.number('norm_eps', 1e-5),
    imageSize: c.count('sample_size', 32),
    patchSize: c.count('patch_size', 2),
    channels,
    outChannels: c.count('out_channels', channels),
    classes: c.count('num_embeds_ada_norm', 1000),
  }
}
