import { ShapeError, type Tensor, withBlock } from '../graph/index.ts'
import {
  layerNorm as affineNorm,
  attention,
  hideUnless,
  linear,
  mlp,
  normal,
  type Params,
  patches,
  patchGrid,
  rotary,
  timestepEmbedding,
  unpatch,
  zeros,
} from '../nn/index.ts'
import { add, chunk, expand, layerNorm, mul, reshape, silu, transpose } from '../ops/index.ts'
import { configFields } from './config-fields.ts'
import { modulate } from './dit-blocks.ts'

/**
 * A text-to-video diffusion transformer in the manner of Sora (Brooks et al. 2024, "Video generation models as world
 * simulators"): space-time patches of the latents are the tokens of a diffusion transformer (Peebles & Xie 2023). Sora's
 * own details are not public; layout, names and arithmetic are those of Wan 2.1 (arXiv:2503.20314), class
 * WanTransformer3DModel of diffusers.
 */
export interface WanConfig {
  readonly width: number // D
  readonly depth: number // blocks
  readonly heads: number
  readonly ffnDim: number // hidden width of the feed-forward networks
  readonly inChannels: number // C of the latents
  readonly outChannels: number
  readonly textDim: number // width of the text states
  readonly freqDim: number // sinusoids of the time
  readonly patchSize: readonly [frames: number, height: number, width: number]
  readonly crossAttnNorm: boolean // layer norm with gain before the cross-attention
  readonly qkNorm: 'rms_norm_across_heads'
  readonly eps: number
  readonly ropeMaxSeqLen: number // most patches along an axis
}

const published = {
  inChannels: 16,
  outChannels: 16,
  textDim: 4096,
  freqDim: 256,
  patchSize: [1, 2, 2],
  crossAttnNorm: true,
  qkNorm: 'rms_norm_across_heads',
  eps: 1e-6,
  ropeMaxSeqLen: 1024,
} as const

/** Table 2 of the Wan 2.1 report, arXiv:2503.20314. */
export const wanSizes = {
  'Wan2.1-T2V-1.3B': { ...published, width: 1536, depth: 30, heads: 12, ffnDim: 8960 },
  'Wan2.1-T2V-14B': { ...published, width: 5120, depth: 40, heads: 40, ffnDim: 13824 },
} satisfies Record<string, WanConfig>

/** What the transformer may be given beside latents, time and text. */
export interface WanInputs {
  readonly mask?: Tensor // [B, L] float32: 1 where a text token counts, 0 where it fills up the row
  /** x holds some frames of a longer clip: its number of latent frames, and int32 [N], which of its tokens are here. */
  readonly within?: { readonly frames: number; readonly places: Tensor }
  readonly recompute?: boolean // blocks are computed again for the gradient instead of kept in memory
}

/**
 * The transformer: latents x [B, C, T, H, W], time t in 0…1000, text states [B, L, D text] → [B, C out, T, H, W].
 * The time is one of each sample, t [B], of each frame of patches, t [B, T], or of each token, t [B, N], as in Wan 2.2,
 * whose first frame may be given: it has time 0.
 * Gates, cross-attentions and the output layer start at zero, so each block starts as the identity (adaLN-Zero).
 */
export function wanTransformer(p: Params, config: WanConfig) {
  const { patchSize } = config
  const { embed, condition, run, project } = wanParts(p, config)

  return p.scoped((x: Tensor, t: Tensor, text: Tensor, { mask, within, recompute }: WanInputs = {}): Tensor => {
    const grid = gridOf(x, config)
    const ofFrames = t.shape.length === 2 && t.shape[1] === grid[0]
    const { time, modulation, context } = condition(t, text, ofFrames ? grid[1] * grid[2] : 1)
    const frames = within ? patchGrid([within.frames, ...x.shape.slice(3)], patchSize)[0] : grid[0]
    const rotate = rotary({ frames, height: grid[1], width: grid[2] }, { ...config, places: within?.places })
    const hidden = mask && hideUnless(reshape(mask, [mask.shape[0], 1, 1, mask.shape[1]])) // [B, 1, 1, L]
    const tokens = run(embed(x), { modulation, context, rotate, mask: hidden }, recompute) // [N, B, D]
    return unpatch(project(tokens, time), grid, patchSize)
  })
}

/** What single samples and packed rows have in common: all parameters, under the published names. */
export function wanParts(p: Params, config: WanConfig) {
  const { width, depth, patchSize, inChannels, outChannels, eps } = config
  const embed = patches(p.at('patch_embedding'), { channels: inChannels, width, patch: patchSize })
  const condition = conditioning(p.at('condition_embedder'), config)
  const blocks = Array.from({ length: depth }, (_, i) => wanBlock(p.at(`blocks.${i}`), config))
  const table = p.get('scale_shift_table', [1, 2, width], zeros)
  const output = linear(p.at('proj_out'), width, outChannels * patchSize.reduce((a, b) => a * b), { init: zeros })
  return {
    embed,
    condition,
    /** All blocks: tokens [N, B, D] → [N, B, D]. */
    run: (tokens: Tensor, inputs: BlockInputs, recompute = false): Tensor =>
      blocks.reduce((x, block) => (recompute ? withBlock(() => block(x, inputs)) : block(x, inputs)), tokens),
    /** The output layer: tokens [N, B, D], time [B, D] or [N, B, D] → [N, B, patch · C out]. */
    project(tokens: Tensor, time: Tensor): Tensor {
      const [shift, scale] = chunk(reshape(table, [2 * width]), 2).map((row) => add(row, time)) // as time
      return output(modulate(layerNorm(tokens, { eps }), shift, scale))
    },
  }
}

function gridOf(x: Tensor, { patchSize, inChannels, ropeMaxSeqLen }: WanConfig): number[] {
  if (x.shape.length !== 5 || x.shape[1] !== inChannels)
    throw new ShapeError('wanTransformer', `x must be [B, ${inChannels}, T, H, W]`, { x })
  const grid = patchGrid(x.shape.slice(2), patchSize)
  if (grid.some((n) => n > ropeMaxSeqLen))
    throw new ShapeError('wanTransformer', `no axis may have more than ${ropeMaxSeqLen} patches`, { x, grid })
  return grid
}

/** Time and text as the blocks read them: time [B, D] or [N, B, D], modulation [..., 6D], context [L, B, D]. */
function conditioning(p: Params, { width, freqDim, textDim }: WanConfig) {
  const names = ['linear_1', 'linear_2'] as const
  const init = normal(0.02)
  const embedTime = mlp(p.at('time_embedder'), { from: freqDim, width, hidden: width, activation: silu, names, init })
  const project = linear(p.at('time_proj'), width, 6 * width, { init: zeros })
  const embedText = mlp(p.at('text_embedder'), { from: textDim, width, hidden: width, names, init })
  return p.scoped((t: Tensor, text: Tensor, perFrame?: number) => {
    if (text.shape.length !== 3 || text.shape[2] !== textDim || text.shape[0] !== t.shape[0] || t.shape.length > 2)
      throw new ShapeError('wanTransformer', `text must be [B, L, ${textDim}], and t [B] or [B, N]`, { text, t })
    const times = t.shape.length === 1 ? t : transpose(t) // tokens come first
    const time = reshape(embedTime(timestepEmbedding(reshape(times, [-1]), freqDim)), [...times.shape, width])
    const modulation = project(silu(time))
    const context = embedText(transpose(text, [1, 0, 2]))
    return { time: eachToken(time, perFrame), modulation: eachToken(modulation, perFrame), context }
  })
}

/** Rows of frames [T, B, D] for each of their tokens: [T · n, B, D]. */
function eachToken(x: Tensor, n = 1): Tensor {
  if (n === 1) return x
  const [T, B, D] = x.shape
  return reshape(expand(reshape(x, [T, 1, B, D]), [T, n, B, D]), [T * n, B, D])
}

/** What every block reads beside its tokens. */
interface BlockInputs {
  readonly modulation: Tensor // [B, 6D] or [N, B, 6D]
  readonly context: Tensor // [L, B, D]
  readonly rotate: (x: Tensor) => Tensor
  readonly mask?: Tensor // of the text, [B, 1, 1, L] or [B, 1, N, L]
  readonly own?: Tensor // of the self-attention, [B, 1, N, N]
}

/**
 * One block: self-attention over all space-time tokens, cross-attention to the text, feed-forward network; the first and
 * the last are modulated by the time: x [N, B, D] → [N, B, D].
 */
export function wanBlock(p: Params, { width, heads, ffnDim, crossAttnNorm, eps }: WanConfig) {
  const table = p.get('scale_shift_table', [1, 6, width], zeros)
  const attend = attention(p.at('attn1'), { width, heads, qkNorm: true, eps })
  const norm2 = crossAttnNorm ? affineNorm(p.at('norm2'), width, { eps }) : (x: Tensor) => x
  const read = attention(p.at('attn2'), { width, heads, qkNorm: true, eps, outInit: zeros })
  const feed = mlp(p.at('ffn'), { width, hidden: ffnDim })

  return p.scoped((x: Tensor, { modulation, context, rotate, mask, own }: BlockInputs): Tensor => {
    const m = add(modulation, reshape(table, [6 * width]))
    const [shift1, scale1, gate1, shift2, scale2, gate2] = chunk(m, 6) // each [B, D] or [N, B, D]
    x = add(x, mul(gate1, attend(modulate(layerNorm(x, { eps }), shift1, scale1), { rotate, mask: own })))
    x = add(x, read(norm2(x), { context, mask }))
    return add(x, mul(gate2, feed(modulate(layerNorm(x, { eps }), shift2, scale2))))
  })
}

/** Reads the `config.json` of a WanTransformer3DModel (text to video; the image branch of other variants is refused). */
export function wanConfig(json: unknown): WanConfig {
  const c = configFields('WanTransformer3DModel', json)
  for (const name of ['image_dim', 'added_kv_proj_dim', 'pos_embed_seq_len']) c.only(name, null)
  const heads = c.count('num_attention_heads', 40)
  const inChannels = c.count('in_channels', 16)
  return {
    width: heads * c.count('attention_head_dim', 128),
    depth: c.count('num_layers', 40),
    heads,
    ffnDim: c.count('ffn_dim', 13824),
    inChannels,
    outChannels: c.raw('out_channels') === null ? inChannels : c.count('out_channels', 16),
    textDim: c.count('text_dim', 4096),
    freqDim: c.count('freq_dim', 256),
    patchSize: c.counts('patch_size', [1, 2, 2], 3) as [number, number, number],
    crossAttnNorm: c.flag('cross_attn_norm', true),
    qkNorm: c.oneOf('qk_norm', ['rms_norm_across_heads'], 'rms_norm_across_heads'),
    eps: c.number('eps', 1e-6),
    ropeMaxSeqLen: c.count('rope_max_seq_len', 1024),
  }
}

/** The opposite of `wanConfig`: what to write as `config.json`. */
export const wanJson = (c: WanConfig): object => ({
  _class_name: 'WanTransformer3DModel',
  num_attention_heads: c.heads,
  attention_head_dim: c.width / c.heads,
  num_layers: c.depth,
  ffn_dim: c.ffnDim,
  in_channels: c.inChannels,
  out_channels: c.outChannels,
  text_dim: c.textDim,
  freq_dim: c.freqDim,
  patch_size: c.patchSize,
  cross_attn_norm: c.crossAttnNorm,
  qk_norm: c.qkNorm,
  eps: c.eps,
  rope_max_seq_len: c.ropeMaxSeqLen,
})
