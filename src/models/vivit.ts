import { ShapeError, type Tensor } from '../graph/index.ts'
import {
  attend,
  normal,
  type Params,
  patches,
  patchGrid,
  throughTime,
  wholePatches,
  withinFrames,
  zeros,
} from '../nn/index.ts'
import { chunk, concat, reshape, slice, transpose } from '../ops/index.ts'
import { classesOf, configFields } from './config-fields.ts'
import { type Classified, classifierHead, placedTokens, pooled, type TrunkConfig } from './vit.ts'
import { attentionPart, type BlockStyle, encoder, encoderFields, mlpPart, vitNames } from './vit-blocks.ts'

/**
 * ViViT, a video vision transformer (Arnab et al. 2021, arXiv:2103.15691). Model 1 is class
 * VivitForVideoClassification of transformers; the others keep its names.
 */
export interface ViViTConfig extends TrunkConfig {
  readonly frames: number // T
  readonly imageSize: readonly [height: number, width: number]
  readonly tubelet: readonly [frames: number, height: number, width: number] // what becomes one token
  readonly channels: number
  readonly classes: number
  readonly model?: ViViTModel // 'spatio-temporal attention' where absent
  /** Frames n_t at equal spacing that become tokens, with tubelet [1, h, w] (uniform frame sampling, section 3.2); all where absent. */
  readonly sampledFrames?: number
  readonly temporalDepth?: number // blocks through time of the factorised encoder; 4, as in section 4.1
}

/** One of the four models. */
export type ViViTModel = (typeof vivitModels)[number]
/** The four models of section 3.3, in the paper's order. */
export const vivitModels = [
  'spatio-temporal attention',
  'factorised encoder',
  'factorised self-attention',
  'factorised dot-product attention',
] as const

const published = {
  activation: 'gelu_fast',
  qkvBias: true,
  eps: 1e-6,
  frames: 32,
  imageSize: [224, 224],
  tubelet: [2, 16, 16],
  channels: 3,
  classes: 400,
} as const

/** Section 4.1 of Arnab et al. 2021: the backbones of ViT, 32 frames, classes of Kinetics-400. */
export const vivitSizes = {
  'ViViT-B/16x2': { ...published, width: 768, depth: 12, heads: 12, hidden: 3072 },
  'ViViT-L/16x2': { ...published, width: 1024, depth: 24, heads: 16, hidden: 4096 },
} satisfies Record<string, ViViTConfig>

/** The classifier: pixels [B, T, C, H, W] → states of all tokens and logits. */
export function vivit(p: Params, given: ViViTConfig) {
  const model = given.model ?? 'spatio-temporal attention'
  const config = { ...given, pool: hasClassToken(given) ? ('token' as const) : ('mean' as const) }
  const { width, channels, frames, imageSize, tubelet } = config
  const grid = tubeletGrid(config)
  const trunk = p.at('vivit')
  const embed = patches(trunk.at('embeddings.patch_embeddings.projection'), { channels, width, patch: tubelet })
  const states = trunks[model](trunk, config, grid)
  const classify = classifierHead(p, 'vivit', config)
  return p.scoped((pixels: Tensor): Classified => {
    const want = [frames, channels, ...imageSize]
    if (pixels.shape.slice(1).join() !== want.join())
      throw new ShapeError('vivit', `pixels must be [B, ${want.join(', ')}]`, { pixels })
    const clip = transpose(sampled(pixels, config), [0, 2, 1, 3, 4])
    return classify(states(embed(wholePatches(clip, tubelet))))
  })
}

/** Models 3 and 4 have no class token, which would belong to no frame and no place. */
export const hasClassToken = ({ pool, model = vivitModels[0] }: ViViTConfig): boolean =>
  pool !== 'mean' && !/self|dot/.test(model)

/** The grid of tokens [T', H', W']: whole tubelets along each axis. */
export function tubeletGrid({ frames, sampledFrames = frames, imageSize, tubelet }: ViViTConfig): number[] {
  if (sampledFrames > frames || (sampledFrames < frames && tubelet[0] > 1))
    throw new ShapeError('vivit', 'sampled frames must be at most all, each cut into patches, tubelets [1, h, w]', {
      frames,
      sampledFrames,
      tubelet,
    })
  const clip = [sampledFrames, ...imageSize]
  return patchGrid(
    clip.map((n, axis) => n - (n % tubelet[axis])),
    tubelet,
  )
}

/** Frames T / (n + 1) apart, the first as far from the beginning: pixels [B, T, ...] → [B, n, ...]. */
function sampled(pixels: Tensor, { frames, sampledFrames: n = frames }: ViViTConfig): Tensor {
  if (n === frames) return pixels
  const places = Array.from({ length: n }, (_, i) => Math.round(((i + 1) * frames) / (n + 1)))
  return concat(
    places.map((t) => slice(pixels, 1, t, t + 1)),
    1,
  )
}

/** Tubelets [T'·S, B, D], of T' frames and S places, → states; for a grid of tubelets [T', H', W']. */
type Trunk = (p: Params, config: ViViTConfig, grid: readonly number[]) => (x: Tensor) => Tensor

/** Model 1: all tokens read all others. */
const jointAttention: Trunk = (p, config, [T, H, W]) => {
  const place = placedTokens(p.at('embeddings'), config, T * H * W)
  const blocks = encoder(p.at('encoder.layer'), config, vitNames)
  return (x) => blocks(place(x))
}

/** Model 2 (figure 4): a transformer sees each frame alone, a second one the tokens that stand for the frames. */
const factorisedEncoder: Trunk = (p, config, [T, H, W]) => {
  const { temporalDepth = 4, pool } = config
  const place = placedTokens(p.at('embeddings'), config, H * W)
  const spatial = encoder(p.at('encoder.layer'), config, vitNames)
  const order = placedTokens(p.at('temporal.embeddings'), config, T)
  const temporal = encoder(p.at('temporal.encoder.layer'), { ...config, depth: temporalDepth }, vitNames)
  return (x) => {
    const [, B, D] = x.shape
    const apart = reshape(transpose(reshape(x, [T, H * W, B * D]), [1, 0, 2]), [H * W, T * B, D])
    const frames = reshape(pooled(spatial(place(apart)), pool), [T, B, D])
    return temporal(order(frames))
  }
}

/** A block's attention through time, named as in TimeSformer. */
const temporalNames: BlockStyle = {
  ...vitNames,
  norm1: 'temporal_layernorm',
  attention: 'temporal_attention',
  inits: () => ({ attention: normal(0.02), attentionOut: zeros, mlp: normal(0.02), mlpOut: normal(0.02) }),
}

/** Model 3 (figure 5, equations 4 to 6): in each block attention within frames, then through time, which starts at zero. */
const factorisedSelfAttention: Trunk = (p, config, [T, H, W]) => {
  const place = placedTokens(p.at('embeddings'), config, T * H * W)
  const blocks = Array.from({ length: config.depth }, (_, i) => {
    const at = p.at('encoder.layer').at(i)
    const [inSpace, inTime] = [attentionPart(at, config, vitNames), attentionPart(at, config, temporalNames)]
    const think = mlpPart(at, config, vitNames)
    return (x: Tensor) => think(throughTime(T, (y) => inTime(y))(withinFrames(T, (y) => inSpace(y))(x)))
  })
  return (x) => blocks.reduce((y, block) => block(y), place(x))
}

/** Model 4 (figure 6): half of the heads read the tokens of their frame, the other half those of their place. */
const factorisedDotProduct: Trunk = (p, config, [T, H, W]) => {
  const { heads } = config
  if (heads % 2 !== 0)
    throw new ShapeError('vivit', 'factorised dot-product attention needs an even number of heads', { heads })
  const place = placedTokens(p.at('embeddings'), config, T * H * W)
  const blocks = encoder(p.at('encoder.layer'), config, vitNames)
  const half = (q: Tensor, k: Tensor, v: Tensor) => attend(q, k, v, { heads: heads / 2 })
  const read = (...qkv: Tensor[]): Tensor => {
    const halves = qkv.map((x) => chunk(x, 2)) // columns of the first heads, and of the others
    const [space, time] = [0, 1].map((i) => halves.map((two) => two[i]))
    return concat([withinFrames(T, half)(...space), throughTime(T, half)(...time)], 2)
  }
  return (x) => blocks(place(x), { read })
}

const trunks: Record<ViViTModel, Trunk> = {
  'spatio-temporal attention': jointAttention,
  'factorised encoder': factorisedEncoder,
  'factorised self-attention': factorisedSelfAttention,
  'factorised dot-product attention': factorisedDotProduct,
}

/** Reads the `config.json` of a VivitForVideoClassification. */
export function vivitConfig(json: unknown): ViViTConfig {
  const c = configFields('VivitForVideoClassification', json)
  return {
    ...encoderFields(c, vivitSizes['ViViT-B/16x2']),
    frames: c.count('num_frames', 32),
    imageSize: c.counts('image_size', [224, 224], 2) as [number, number],
    tubelet: c.counts('tubelet_size', [2, 16, 16], 3) as [number, number, number],
    channels: c.count('num_channels', 3),
    classes: classesOf(c),
  }
}
