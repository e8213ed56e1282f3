import type { Tensor } from '../graph/index.ts'
import {
  type AttentionInputs,
  type AttentionNames,
  attention,
  type Init,
  layerNorm,
  mlp,
  type Params,
} from '../nn/index.ts'
import { add } from '../ops/index.ts'
import { type Activation, activation, activationNames } from './activation.ts'
import type { ConfigFields } from './config-fields.ts'

/** What a stack of transformer blocks needs to know. */
export interface EncoderConfig {
  readonly width: number // D
  readonly depth: number // blocks
  readonly heads: number
  readonly hidden: number // width of the hidden layer of the feed-forward networks
  readonly activation: Activation
  readonly qkvBias: boolean
  readonly eps: number // of the layer norms
}

/** Where a checkpoint keeps the parts of a block, and how they begin. */
export interface BlockStyle {
  readonly norm1: string
  readonly attention: string
  readonly projections: AttentionNames
  readonly norm2: string
  readonly mlp: readonly [string, string]
  readonly inits?: (config: EncoderConfig) => BlockInits // Xavier where absent
}

/** Initial weights of a block: of the matrices that read the residual stream, and of those that write to it. */
interface BlockInits {
  readonly attention: Init
  readonly attentionOut: Init
  readonly mlp: Init
  readonly mlpOut: Init
}

/** Names in ViT and ViViT files of transformers. */
export const vitNames: BlockStyle = {
  norm1: 'layernorm_before',
  attention: 'attention',
  projections: { q: 'attention.query', k: 'attention.key', v: 'attention.value', out: 'output.dense' },
  norm2: 'layernorm_after',
  mlp: ['intermediate.dense', 'output.dense'],
}

/** The first half of a block: x + attention(norm(x)), x [N, B, D] → [N, B, D]. */
export function attentionPart(p: Params, { width, heads, qkvBias, eps, ...config }: EncoderConfig, style: BlockStyle) {
  const init = style.inits?.({ width, heads, qkvBias, eps, ...config })
  const projections = { names: style.projections, init: init?.attention, outInit: init?.attentionOut }
  const norm = layerNorm(p.at(style.norm1), width, { eps })
  const attend = attention(p.at(style.attention), { width, heads, qkvBias, ...projections })
  return p.scoped((x: Tensor, inputs?: AttentionInputs): Tensor => add(x, attend(norm(x), inputs)))
}

/** The second half of a block: x + mlp(norm(x)), x [N, B, D] → [N, B, D]. */
export function mlpPart(p: Params, config: EncoderConfig, style: BlockStyle) {
  const { width, hidden, eps } = config
  const init = style.inits?.(config)
  const norm = layerNorm(p.at(style.norm2), width, { eps })
  const layers = { names: style.mlp, init: init?.mlp, outInit: init?.mlpOut }
  const feed = mlp(p, { width, hidden, activation: activation(config.activation), ...layers })
  return p.scoped((x: Tensor): Tensor => add(x, feed(norm(x))))
}

/** One pre-norm transformer block (Dosovitskiy et al. 2021, equations 2 and 3): x [N, B, D] → [N, B, D]. */
function encoderBlock(p: Params, config: EncoderConfig, style: BlockStyle) {
  const look = attentionPart(p, config, style)
  const think = mlpPart(p, config, style)
  return (x: Tensor, inputs?: AttentionInputs): Tensor => think(look(x, inputs))
}

/** A stack of blocks named `0`, `1`, …: x [N, B, D] → [N, B, D]. */
export function encoder(p: Params, config: EncoderConfig, style: BlockStyle) {
  const blocks = Array.from({ length: config.depth }, (_, i) => encoderBlock(p.at(i), config, style))
  return (x: Tensor, inputs?: AttentionInputs): Tensor => blocks.reduce((y, block) => block(y, inputs), x)
}

/** Reads the fields that transformer encoders of transformers share. */
export function encoderFields(c: ConfigFields, fallback: EncoderConfig): EncoderConfig {
  const width = c.count('hidden_size', fallback.width)
  const heads = c.count('num_attention_heads', fallback.heads)
  if (width % heads !== 0) throw c.wrong('num_attention_heads', `a divisor of hidden_size ${width}`)
  return {
    width,
    depth: c.count('num_hidden_layers', fallback.depth),
    heads,
    hidden: c.count('intermediate_size', fallback.hidden),
    activation: c.oneOf('hidden_act', activationNames, fallback.activation),
    qkvBias: c.flag('qkv_bias', fallback.qkvBias),
    eps: c.number('layer_norm_eps', fallback.eps),
  }
}

/** The opposite of `encoderFields`. */
export const encoderJson = ({ width, depth, heads, hidden, activation, qkvBias, eps }: EncoderConfig) => ({
  hidden_size: width,
  num_hidden_layers: depth,
  num_attention_heads: heads,
  intermediate_size: hidden,
  hidden_act: activation,
  qkv_bias: qkvBias,
  layer_norm_eps: eps,
})
