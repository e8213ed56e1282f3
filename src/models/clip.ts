import { constant, ShapeError, type Tensor } from '../graph/index.ts'
import {
  causalMask,
  embedding,
  filled,
  hideUnless,
  layerNorm,
  linear,
  normal,
  type Params,
  patches,
  wholePatches,
} from '../nn/index.ts'
import {
  add,
  argmax,
  cast,
  crossEntropy,
  div,
  equal,
  exp,
  gather,
  matmul,
  mul,
  reshape,
  slice,
  sqrt,
  square,
  sum,
  transpose,
} from '../ops/index.ts'
import { type ConfigFields, configFields } from './config-fields.ts'
import type { ImageEncoder } from './image-encoder.ts'
import { withClassToken } from './vit.ts'
import { type BlockStyle, type EncoderConfig, encoder, encoderFields, encoderJson } from './vit-blocks.ts'

/** The image side of CLIP: a vision transformer with a norm before its blocks. */
export interface ClipVisionConfig extends EncoderConfig {
  readonly imageSize: number
  readonly patchSize: number
  readonly channels: number
}

/** The text side of CLIP: a causal transformer, read at the end-of-text token. */
export interface ClipTextConfig extends EncoderConfig {
  readonly vocabulary: number
  readonly context: number // most tokens
  /** The first such token is read; 2 stands for the token with the highest id, as the first published configs had it. */
  readonly endOfText: number
}

/** CLIP (Radford et al. 2021, arXiv:2103.00020), class CLIPModel of transformers. */
export interface ClipConfig {
  readonly vision: ClipVisionConfig
  readonly text: ClipTextConfig
  readonly projection: number // width of the space that pictures and texts share
}

const common = { activation: 'quick_gelu', qkvBias: true, eps: 1e-5 } as const
const vision = { ...common, imageSize: 224, patchSize: 16, channels: 3, width: 768, depth: 12, heads: 12, hidden: 3072 }
const large = { ...vision, patchSize: 14, width: 1024, depth: 24, heads: 16, hidden: 4096 }
const tokens = { ...common, vocabulary: 49408, context: 77, endOfText: 49407 }
const text = { ...tokens, width: 512, depth: 12, heads: 8, hidden: 2048 }
const largeText = { ...tokens, width: 768, depth: 12, heads: 12, hidden: 3072 }

/** Table 20 of Radford et al. 2021; the activation is that of the released weights. */
export const clipSizes = {
  'ViT-B/32': { vision: { ...vision, patchSize: 32 }, text, projection: 512 },
  'ViT-B/16': { vision, text, projection: 512 },
  'ViT-L/14': { vision: large, text: largeText, projection: 768 },
  'ViT-L/14@336': { vision: { ...large, imageSize: 336 }, text: largeText, projection: 768 },
} satisfies Record<string, ClipConfig>

/** Names in CLIP files of transformers, and the initial weights of OpenAI's code. */
const clipNames: BlockStyle = {
  norm1: 'layer_norm1',
  attention: 'self_attn',
  projections: { q: 'q_proj', k: 'k_proj', v: 'v_proj', out: 'out_proj' },
  norm2: 'layer_norm2',
  mlp: ['mlp.fc1', 'mlp.fc2'],
  inits({ width, depth }) {
    const out = normal((2 * depth * width) ** -0.5)
    return { attention: normal(width ** -0.5), attentionOut: out, mlp: normal((2 * width) ** -0.5), mlpOut: out }
  },
}

/** What one side of CLIP gives. */
export interface Encoded {
  readonly states: Tensor // [B, N, D] of every token
  readonly pooled: Tensor // [B, D] of the token that stands for all
}

/** What the image side gives. */
export interface EncodedPicture extends Encoded {
  readonly normed: Tensor // [N, B, D], all states after the last norm
  readonly attention: readonly Tensor[] // weights of each block [B, h, N, N]; row n is what token n reads
}

/** The image side: pixels [B, C, H, W] → states of the class token and the patches, and attention, computed where asked for. */
export function clipVision(p: Params, config: ClipVisionConfig) {
  const { width, channels, imageSize, patchSize, eps } = config
  const patch = [patchSize, patchSize]
  const token = p.get('embeddings.class_embedding', [width], normal(width ** -0.5))
  const embed = patches(p.at('embeddings.patch_embedding'), { channels, width, patch, bias: false, init: normal(0.02) })
  const count = 1 + Math.floor(imageSize / patchSize) ** 2
  const positions = p.get('embeddings.position_embedding.weight', [count, width], normal(width ** -0.5))
  const before = layerNorm(p.at('pre_layrnorm'), width, { eps }) // the file spells it so
  const blocks = encoder(p.at('encoder.layers'), config, clipNames)
  const after = layerNorm(p.at('post_layernorm'), width, { eps })
  return p.scoped((pixels: Tensor): EncodedPicture => {
    if (pixels.shape.slice(2).some((n) => n !== imageSize))
      throw new ShapeError('clip', `pixels must be [B, ${channels}, ${imageSize}, ${imageSize}]`, { pixels })
    const placed = withClassToken(token, embed(wholePatches(pixels, patch)))
    const attention: Tensor[] = []
    const seen = (weights: Tensor) => attention.push(weights)
    const states = blocks(before(add(placed, reshape(positions, [count, 1, width]))), { seen }) // [1 + N, B, D]
    const first = reshape(slice(states, 0, 0, 1), [-1, width])
    return { states: transpose(states, [1, 0, 2]), normed: after(states), pooled: after(first), attention }
  })
}

/**
 * The text side: ids int32 [B, L] → states, and the embeddings [B, L, D] that they began as; no token sees a later one,
 * nor one where `mask` [B, L] is 0.
 */
export function clipText(p: Params, config: ClipTextConfig) {
  const { width, vocabulary, context, eps } = config
  const embed = embedding(p.at('embeddings.token_embedding'), vocabulary, width)
  const positions = p.get('embeddings.position_embedding.weight', [context, width], normal(0.01))
  const blocks = encoder(p.at('encoder.layers'), config, clipNames)
  const norm = layerNorm(p.at('final_layer_norm'), width, { eps })
  return p.scoped((ids: Tensor, mask?: Tensor): Encoded & { readonly embedded: Tensor } => {
    const [B, L] = ids.shape
    if (ids.shape.length !== 2 || L > context)
      throw new ShapeError('clip', `ids must be [B, L] with at most ${context} tokens`, { ids })
    const embedded = embed(transpose(ids)) // [L, B, D]
    const placed = add(embedded, reshape(slice(positions, 0, 0, L), [L, 1, width]))
    const hidden = mask && hideUnless(reshape(mask, [B, 1, 1, L]))
    const states = norm(blocks(placed, { mask: hidden ? add(causalMask(L), hidden) : causalMask(L) }))
    const samples = constant(
      Int32Array.from({ length: B }, (_, i) => i),
      [B],
    )
    const row = add(mul(endOf(ids, config), B), samples) // row of [L · B, D]
    const pooled = gather(reshape(states, [L * B, width]), row)
    return { states: transpose(states, [1, 0, 2]), pooled, embedded: transpose(embedded, [1, 0, 2]) }
  })
}

/** Where the text of each row ends: ids [B, L] → int32 [B]. */
function endOf(ids: Tensor, { endOfText }: ClipTextConfig): Tensor {
  return argmax(cast(endOfText === 2 ? ids : equal(ids, endOfText), 'float32'), 1)
}

/**
 * Both sides: `image` and `text` give the states and the embeddings [B, projection], of length 1, `image` the attention
 * of its blocks too; `scale` is the factor e^s of their products.
 */
export function clip(p: Params, config: ClipConfig) {
  const vision = clipVision(p.at('vision_model'), config.vision)
  const { place, ...rest } = jointSpace(p, config.vision.width, config)
  const image = (pixels: Tensor) => {
    const { pooled, ...seen } = vision(pixels)
    return { ...seen, embedding: place(pooled) }
  }
  return { image, ...rest }
}

/** CLIP with another image encoder, whose vectors [B, D] are projected like those of its own. */
export function clipAround(p: Params, { width, encode }: ImageEncoder, config: Omit<ClipConfig, 'vision'>) {
  const { place, ...rest } = jointSpace(p, width, config)
  return { image: (pixels: Tensor) => ({ embedding: place(encode(pixels)) }), ...rest }
}

/** The text side, and where vectors of pictures [B, imageWidth] lie in the space of both. */
function jointSpace(p: Params, imageWidth: number, { text: config, projection }: Omit<ClipConfig, 'vision'>) {
  const text = clipText(p.at('text_model'), config)
  const project = (name: string, width: number) =>
    linear(p.at(name), width, projection, { bias: false, init: normal(width ** -0.5) })
  const projectImage = project('visual_projection', imageWidth)
  const projectText = project('text_projection', config.width)
  const logScale = p.get('logit_scale', [], filled(Math.log(1 / 0.07)))
  const words = (ids: Tensor, mask?: Tensor) => {
    const { states, pooled } = text(ids, mask)
    return { states, embedding: unit(projectText(pooled)) }
  }
  return { place: (pooled: Tensor) => unit(projectImage(pooled)), text: words, scale: () => exp(logScale) }
}

/** Rows of length 1: x [B, D] → [B, D]. */
const unit = (x: Tensor): Tensor => div(x, sqrt(sum(square(x), -1, true)))

/** Products of all pictures and texts: images [B, D], texts [M, D] → [B, M]. */
export const clipLogits = (images: Tensor, texts: Tensor, scale: Tensor): Tensor =>
  mul(matmul(images, texts, { transposeB: true }), scale)

/** Training holds `logit_scale` at or below this after each step (section 2.5 of the paper). */
export const maxLogScale = Math.log(100)

/** Symmetric contrastive loss (figure 3): row i of both embeddings [B, D] belong together; ln B is chance. */
export function clipLoss(images: Tensor, texts: Tensor, scale: Tensor): Tensor {
  const logits = clipLogits(images, texts, scale)
  const own = constant(
    Int32Array.from({ length: logits.shape[0] }, (_, i) => i),
    [logits.shape[0]],
  )
  return mul(add(crossEntropy(logits, own), crossEntropy(transpose(logits), own)), 0.5)
}

/** Reads the `config.json` of a CLIPModel. */
export function clipConfig(json: unknown): ClipConfig {
  const c = configFields('CLIPModel', json)
  const side = (name: string) => c.object(c.raw(`${name}_dict`) ? `${name}_dict` : name) // older files have both
  const [vision, text] = [side('vision_config'), side('text_config')]
  const { vision: vision32, text: text32 } = clipSizes['ViT-B/32']
  return {
    vision: clipVisionConfig(vision, vision32),
    text: {
      ...encoderFields(text, text32),
      vocabulary: text.count('vocab_size', 49408),
      context: text.count('max_position_embeddings', 77),
      endOfText: text.count('eos_token_id', 49407),
    },
    projection: c.count('projection_dim', 512),
  }
}

/** Reads a `vision_config`. */
export const clipVisionConfig = (c: ConfigFields, fallback: EncoderConfig): ClipVisionConfig => ({
  ...encoderFields(c, fallback),
  imageSize: oneSize(c, 'image_size', 224),
  patchSize: oneSize(c, 'patch_size', 32),
  channels: c.count('num_channels', 3),
})

function oneSize(c: ConfigFields, name: string, fallback: number): number {
  const [height, width] = c.counts(name, [fallback, fallback], 2)
  if (height !== width) throw c.wrong(name, 'one number, or two equal ones')
  return height
}

/** The opposite of `clipConfig`: what to write as `config.json`. */
export function clipJson({ vision, text, projection }: ClipConfig): object {
  const side = (json: object) => ({ ...json, projection_dim: projection })
  return {
    architectures: ['CLIPModel'],
    model_type: 'clip',
    projection_dim: projection,
    logit_scale_init_value: Math.log(1 / 0.07),
    vision_config: side(clipVisionJson(vision)),
    text_config: {
      ...side(encoderJson(text)),
      vocab_size: text.vocabulary,
      max_position_embeddings: text.context,
      eos_token_id: text.endOfText,
    },
  }
}

/** The opposite of `clipVisionConfig`. */
export const clipVisionJson = ({ imageSize, patchSize, channels, ...encoder }: ClipVisionConfig): object => ({
  ...encoderJson(encoder),
  image_size: imageSize,
  patch_size: patchSize,
  num_channels: channels,
})
