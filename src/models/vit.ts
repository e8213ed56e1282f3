import { ShapeError, type Tensor } from '../graph/index.ts'
import {
  type AttentionNames,
  attention,
  type Init,
  layerNorm,
  linear,
  mlp,
  normal,
  type Params,
  patches,
  wholePatches,
  zeros,
} from '../nn/index.ts'
import { add, concat, expand, reshape, slice, transpose } from '../ops/index.ts'
import { type Activation, activation, activationNames } from './activation.ts'
import { type ConfigFields, classesOf, configFields } from './config-fields.ts'

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

/** Vision Transformer (Dosovitskiy et al. 2021, arXiv:2010.11929), class ViTForImageClassification of transformers. */
export interface ViTConfig extends EncoderConfig {
  readonly imageSize: readonly [height: number, width: number]
  readonly patchSize: readonly [height: number, width: number]
  readonly channels: number
  readonly classes: number
}

const published = {
  activation: 'gelu',
  qkvBias: true,
  eps: 1e-12,
  imageSize: [224, 224],
  patchSize: [16, 16],
  channels: 3,
  classes: 1000,
} as const

/** B, L and H: table 1 of Dosovitskiy et al. 2021; Ti and S: table 2 of Steiner et al. 2021, arXiv:2106.10270. */
export const vitSizes = {
  'ViT-Ti/16': { ...published, width: 192, depth: 12, heads: 3, hidden: 768 },
  'ViT-S/16': { ...published, width: 384, depth: 12, heads: 6, hidden: 1536 },
  'ViT-B/16': { ...published, width: 768, depth: 12, heads: 12, hidden: 3072 },
  'ViT-L/16': { ...published, width: 1024, depth: 24, heads: 16, hidden: 4096 },
  'ViT-H/14': { ...published, width: 1280, depth: 32, heads: 16, hidden: 5120, patchSize: [14, 14] },
} satisfies Record<string, ViTConfig>

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
const vitNames: BlockStyle = {
  norm1: 'layernorm_before',
  attention: 'attention',
  projections: { q: 'attention.query', k: 'attention.key', v: 'attention.value', out: 'output.dense' },
  norm2: 'layernorm_after',
  mlp: ['intermediate.dense', 'output.dense'],
}

/** One pre-norm transformer block (figure 1 right): x [N, B, D] → [N, B, D]; mask is added to the scores. */
function encoderBlock(p: Params, config: EncoderConfig, style: BlockStyle) {
  const { width, heads, hidden, qkvBias, eps } = config
  const init = style.inits?.(config)
  const projections = { names: style.projections, init: init?.attention, outInit: init?.attentionOut }
  const layers = { names: style.mlp, init: init?.mlp, outInit: init?.mlpOut }
  const norm1 = layerNorm(p.at(style.norm1), width, { eps })
  const attend = attention(p.at(style.attention), { width, heads, qkvBias, ...projections })
  const norm2 = layerNorm(p.at(style.norm2), width, { eps })
  const feed = mlp(p, { width, hidden, activation: activation(config.activation), ...layers })
  return p.scoped((x: Tensor, mask?: Tensor): Tensor => {
    x = add(x, attend(norm1(x), { mask }))
    return add(x, feed(norm2(x)))
  })
}

/** A stack of blocks named `0`, `1`, …: x [N, B, D] → [N, B, D]. */
export function encoder(p: Params, config: EncoderConfig, style: BlockStyle) {
  const blocks = Array.from({ length: config.depth }, (_, i) => encoderBlock(p.at(i), config, style))
  return (x: Tensor, mask?: Tensor): Tensor => blocks.reduce((y, block) => block(y, mask), x)
}

/** A learned token [D] before all others: x [N, B, D] → [1 + N, B, D]. */
export const withClassToken = (token: Tensor, x: Tensor): Tensor =>
  concat([expand(reshape(token, [1, 1, x.shape[2]]), [1, ...x.shape.slice(1)]), x], 0)

/** What a classifier of tokens gives. */
export interface Classified {
  readonly states: Tensor // [B, 1 + N, D] after the last block, before the last norm
  readonly logits: Tensor // [B, classes]
}

/** What ViT and ViViT share: class token, learned positions, blocks, and a linear head on the class token. */
export function tokenClassifier(p: Params, config: EncoderConfig & { classes: number }, at: ClassifierPlace) {
  const { width, classes, eps } = config
  const trunk = p.at(at.trunk)
  const token = trunk.get('embeddings.cls_token', [1, 1, width], zeros)
  const positions = trunk.get('embeddings.position_embeddings', [1, 1 + at.tokens, width], normal(0.02))
  const blocks = encoder(trunk.at('encoder.layer'), config, vitNames)
  const norm = layerNorm(trunk.at('layernorm'), width, { eps })
  const head = linear(p.at('classifier'), width, classes, { init: zeros })
  return (tokens: Tensor): Classified => {
    const placed = add(withClassToken(token, tokens), reshape(positions, [-1, 1, width])) // [1 + N, B, D]
    const states = blocks(placed)
    const [, B] = states.shape
    const first = reshape(slice(states, 0, 0, 1), [B, width]) // only the class token is read
    return { states: transpose(states, [1, 0, 2]), logits: head(norm(first)) }
  }
}

/** Name of the trunk in the checkpoint, and number of patches. */
interface ClassifierPlace {
  readonly trunk: string
  readonly tokens: number
}

/** The classifier: pixels [B, C, H, W] → states of all tokens and logits. The head starts at zero, as in the paper. */
export function vit(p: Params, config: ViTConfig) {
  const { width, channels, imageSize, patchSize } = config
  const tokens = patchSize.reduce((n, patch, i) => n * Math.floor(imageSize[i] / patch), 1)
  const embedding = p.at('vit.embeddings.patch_embeddings.projection')
  const embed = patches(embedding, { channels, width, patch: patchSize })
  const classify = tokenClassifier(p, config, { trunk: 'vit', tokens })
  return p.scoped((pixels: Tensor): Classified => {
    if (pixels.shape.slice(2).join() !== imageSize.join())
      throw new ShapeError('vit', `pixels must be [B, ${channels}, ${imageSize.join(', ')}]`, { pixels })
    return classify(embed(wholePatches(pixels, patchSize)))
  })
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

/** Reads the `config.json` of a ViTForImageClassification. */
export function vitConfig(json: unknown): ViTConfig {
  const c = configFields('ViTForImageClassification', json)
  return {
    ...encoderFields(c, vitSizes['ViT-B/16']),
    imageSize: c.counts('image_size', [224, 224], 2) as [number, number],
    patchSize: c.counts('patch_size', [16, 16], 2) as [number, number],
    channels: c.count('num_channels', 3),
    classes: classesOf(c),
  }
}
