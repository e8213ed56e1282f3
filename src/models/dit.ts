import { ShapeError, type Tensor } from '../graph/index.ts'
import {
  layerNorm as affineNorm,
  linear,
  type Params,
  patches,
  patchGrid,
  sinCosPositions,
  unpatch,
  zeros,
} from '../nn/index.ts'
import { add, chunk, concat, layerNorm, silu, slice } from '../ops/index.ts'
import { configFields } from './config-fields.ts'
import {
  adaLNBlock,
  adaLNZeroBlock,
  conditions,
  crossAttentionBlock,
  type DiTBlockConfig,
  feedForwards,
  inContextBlock,
  modulate,
  type Told,
} from './dit-blocks.ts'

/** Diffusion transformer (Peebles & Xie 2023, arXiv:2212.09748), class DiTTransformer2DModel of diffusers. */
export interface DiTConfig extends DiTBlockConfig {
  readonly block: keyof typeof blockTypes
  readonly depth: number // blocks
  readonly imageSize: number // of the latents that the positions are made for
  readonly patchSize: number
  readonly channels: number // of the latents
  readonly outChannels: number // twice as many where the network also predicts variances
}

/** The four ways in which a block hears of time and label (section 3.2). */
const blockTypes = {
  'in-context': inContextBlock,
  'cross-attention': crossAttentionBlock,
  adaLN: adaLNBlock,
  'adaLN-Zero': adaLNZeroBlock,
} as const

const published = {
  block: 'adaLN-Zero',
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

/** The denoiser: latents x [B, C, H, W] (square), t [B] in 0…1000, labels int32 [B] → [B, C out, H, W]. */
export function dit(p: Params, config: DiTConfig) {
  const { width, depth, patchSize, channels, outChannels, imageSize } = config
  const patch = [patchSize, patchSize]
  const embed = patches(p.at('pos_embed.proj'), { channels, width, patch })
  const asTokens = config.block === 'in-context' || config.block === 'cross-attention'
  const shared = asTokens || config.sharedEmbedding ? conditions(p.at('emb'), config) : undefined
  const condition = asTokens ? shared?.tokens : undefined
  const blocks = Array.from({ length: depth }, (_, i) =>
    blockTypes[config.block](p.at(`transformer_blocks.${i}`), config, shared?.sum),
  )
  const last = lastNorm(p, config, blocks[0].embed)
  const project = linear(p.at('proj_out_2'), width, patchSize ** 2 * outChannels, { init: zeros })

  return p.scoped((x: Tensor, t: Tensor, labels: Tensor): Tensor => {
    if (x.shape.length !== 4 || x.shape[1] !== channels || x.shape[2] !== x.shape[3])
      throw new ShapeError('dit', `x must be [B, ${channels}, H, W] with H equal to W`, { x })
    const [side] = patchGrid(x.shape.slice(2), patch)
    const step = Math.floor(imageSize / patchSize) / side // positions always run over the grid of imageSize
    let tokens = add(embed(x), sinCosPositions([side, side], width, { height: step, width: step })) // [N, B, D]
    const told = { t, labels, tokens: condition?.(t, labels) }
    const inContext = config.block === 'in-context'
    if (inContext) tokens = concat([tokens, told.tokens!], 0) // two more tokens, which end before the last layer
    for (const block of blocks) tokens = block.run(tokens, told)
    if (inContext) tokens = slice(tokens, 0, 0, side * side)
    return unpatch(project(last(tokens, told)), [side, side], patch)
  })
}

/** The norm before the last layer: modulated where the blocks are, else with a gain of its own. */
function lastNorm(p: Params, { width }: DiTConfig, embed?: (t: Tensor, labels: Tensor) => Tensor) {
  if (!embed) return affineNorm(p.at('norm_out'), width, { eps: 1e-6 })
  const modulation = linear(p.at('proj_out_1'), width, 2 * width, { init: zeros })
  return (x: Tensor, { t, labels }: Told): Tensor => {
    const [shift, scale] = chunk(modulation(silu(embed(t, labels))), 2) // each [B, D]
    return modulate(layerNorm(x, { eps: 1e-6 }), shift, scale)
  }
}

/** Reads the `config.json` of a DiTTransformer2DModel. */
export function ditConfig(json: unknown): DiTConfig {
  const c = configFields('DiTTransformer2DModel', json)
  c.only('norm_type', 'ada_norm_zero')
  const heads = c.count('num_attention_heads', 16)
  const channels = c.count('in_channels', 4)
  return {
    block: 'adaLN-Zero',
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
