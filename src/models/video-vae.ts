import { ShapeError, type Tensor } from '../graph/index.ts'
import {
  attention,
  causalMask,
  conv2d,
  groupNorm,
  linear,
  mlp,
  normal,
  type Params,
  rotary,
  throughTime,
  withinFrames,
  zeros,
} from '../nn/index.ts'
import { add, chunk, clip, concat, layerNorm, reshape, silu, slice, transpose } from '../ops/index.ts'
import { configFields } from './config-fields.ts'

/**
 * The project's own video autoencoder: causal in time, so that a still is a clip of one frame, in the manner of
 * MAGVIT-2 (Yu et al. 2023, section 3.2); regularised towards a normal prior (Kingma & Welling 2013). Tubelets of
 * 2 frames of 16 × 16 pixels become tokens of two transformers, as in ViViT (Arnab et al. 2021, section 3.2), and a few
 * convolutions at the end of the decoder remove the seams. Frames shrink by 16 in space and, after the first, by 2 in time.
 */
export interface VideoVaeConfig {
  readonly channels: number // C of a frame: 4, premultiplied red, green, blue and alpha in [-1, 1]
  readonly latentChannels: number // Z
  readonly width: number // D, of a token
  readonly heads: number
  readonly mlpRatio: number
  readonly encoderDepth: number // transformer blocks
  readonly decoderDepth: number
  readonly fineWidth: number // channels of the convolutions at a quarter of the size
  readonly fineDepth: number // residual blocks of convolutions there
  readonly tailWidth: number // channels at half the size, before the last convolution
}

/** Frames that become one latent frame, after the first frame, which stays alone. */
export const timeStride = 2
/** Pixels on a side that become one latent. */
export const spaceStride = 16

/** Latent frames of a clip of 2k + 1 frames. */
export function latentFrames(frames: number): number {
  if (frames % timeStride !== 1) throw new ShapeError('videoVae', 'the number of frames must be odd', { frames })
  return (frames - 1) / timeStride + 1
}

/** Latent frames k + 1, rows and columns of a clip. */
interface LatentGrid {
  readonly frames: number
  readonly height: number
  readonly width: number
}

/** Clip [B, 2k+1, C, H, W] → tubelets [N, B, 2·C·16·16]: the first frame pairs with itself, N = (k+1) · H/16 · W/16. */
function toTubelets(x: Tensor): { tokens: Tensor; grid: LatentGrid } {
  const [B, T, C, H, W] = x.shape
  if (H % spaceStride !== 0 || W % spaceStride !== 0)
    throw new ShapeError('videoVae', `height and width must be multiples of ${spaceStride}`, { x })
  const grid = { frames: latentFrames(T), height: H / spaceStride, width: W / spaceStride }
  const even = concat([slice(x, 1, 0, 1), x], 1) // [B, 2k+2, C, H, W]
  const cut = reshape(even, [B, grid.frames, timeStride, C, grid.height, spaceStride, grid.width, spaceStride])
  const tokens = transpose(cut, [1, 4, 6, 0, 2, 3, 5, 7]) // [k+1, H/16, W/16, B, 2, C, 16, 16]
  return { tokens: reshape(tokens, [tokensIn(grid), B, timeStride * C * spaceStride ** 2]), grid }
}

const tokensIn = ({ frames, height, width }: LatentGrid) => frames * height * width

/** [N, B, Z] → [B, Z, T', H', W'] */
const toLatents = (x: Tensor, { frames, height, width }: LatentGrid): Tensor => {
  const [, B, Z] = x.shape
  return transpose(reshape(x, [frames, height, width, B, Z]), [3, 4, 0, 1, 2])
}

/**
 * Pre-norm transformer whose blocks look in turn at one frame and at one place through time, causally (factorised
 * attention: Arnab et al. 2021, section 3.3, model 3): x [N, B, D] → [N, B, D].
 */
function transformer(p: Params, depth: number, { width, heads, mlpRatio }: VideoVaeConfig) {
  const small = normal(0.5 / Math.sqrt(width * depth))
  const layers = Array.from({ length: depth }, (_, i) => {
    const at = p.at('blocks').at(i)
    return {
      attend: attention(at.at('attn'), { width, heads, qkNorm: true, outInit: small }),
      feed: mlp(at.at('ffn'), { width, hidden: width * mlpRatio, outInit: small }),
    }
  })
  return (x: Tensor, { frames: T, height: H, width: W }: LatentGrid): Tensor => {
    const inSpace = rotary({ frames: 1, height: H, width: W }, { width, heads })
    const inTime = rotary({ frames: T, height: 1, width: 1 }, { width, heads })
    const mask = causalMask(T)
    layers.forEach(({ attend, feed }, i) => {
      const time = i % 2 === 1
      const block = (y: Tensor) => {
        y = add(y, attend(layerNorm(y), time ? { rotate: inTime, mask } : { rotate: inSpace }))
        return add(y, feed(layerNorm(y)))
      }
      x = (time ? throughTime : withinFrames)(T, block)(x) // [N, B, D]
    })
    return layerNorm(x)
  }
}

/** Encoder: clip [B, T, C, H, W] → mean and log-variance of its latents, each [B, Z, T', H/16, W/16]. */
export function videoEncoder(p: Params, config: VideoVaeConfig) {
  const { channels, latentChannels, width, encoderDepth } = config
  const embed = linear(p.at('patch_embedding'), timeStride * channels * spaceStride ** 2, width)
  const trunk = transformer(p, encoderDepth, config)
  const out = linear(p.at('proj_out'), width, 2 * latentChannels, { init: normal(0.5 / Math.sqrt(width)) })
  return p.scoped((x: Tensor): { mean: Tensor; logVariance: Tensor } => {
    if (x.shape.length !== 5 || x.shape[2] !== channels)
      throw new ShapeError('videoVae', `a clip must be [B, T, ${channels}, H, W]`, { x })
    const { tokens, grid } = toTubelets(x)
    const y = out(trunk(embed(tokens), grid)) // [N, B, 2Z]
    const [mu, logVariance] = chunk(y, 2).map((t) => toLatents(t, grid)) // each [B, Z, T', H/16, W/16]
    return { mean: mu, logVariance: clip(logVariance, -30, 20) }
  })
}

/** Residual block: norm, 3 × 3 convolution, SiLU, 3 × 3 convolution that starts at zero: x [T·B, C, H, W] → the same. */
function residual(p: Params, width: number) {
  const norm = groupNorm(p.at('norm'), width, { groups: width / 16 })
  const first = conv2d(p.at('conv1'), width, width, { kernel: 3, padding: 1 })
  const second = conv2d(p.at('conv2'), width, width, { kernel: 3, padding: 1, init: zeros })
  return p.scoped((x: Tensor): Tensor => add(x, second(silu(first(norm(x))))))
}

/** Blocks of f × f pixels from channels: x [N, C·f·f, H, W] → [N, C, H·f, W·f]. */
function depthToSpace(x: Tensor, f: number): Tensor {
  const [N, D, H, W] = x.shape
  const C = D / (f * f)
  const blocks = reshape(x, [N, C, f, f, H, W])
  return reshape(transpose(blocks, [0, 1, 4, 2, 5, 3]), [N, C, H * f, W * f])
}

/** Tokens [N, B, 2·16·F] of 2 frames of 4 × 4 cells → frames [T·B, F, 4H', 4W'] without the first one's double. */
function toCells(x: Tensor, { frames, height, width }: LatentGrid): Tensor {
  const [, B, D] = x.shape
  const F = D / 32
  const cut = reshape(x, [frames, height, width, B, timeStride, F, 4, 4])
  const rows = transpose(cut, [0, 4, 3, 5, 1, 6, 2, 7]) // [T', 2, B, F, H', 4, W', 4]
  return slice(reshape(rows, [frames * timeStride * B, F, 4 * height, 4 * width]), 0, B)
}

/** Decoder: latents [B, Z, T', H, W] → clip [B, T, C, 16 H, 16 W]. */
export function videoDecoder(p: Params, config: VideoVaeConfig) {
  const { channels, latentChannels, width, decoderDepth, fineWidth, fineDepth, tailWidth } = config
  if (fineWidth % 16 !== 0)
    throw new ShapeError('videoVae', 'fineWidth must be a multiple of 16, the channels of a norm', { fineWidth })
  const embed = linear(p.at('proj_in'), latentChannels, width)
  const trunk = transformer(p, decoderDepth, config)
  const cells = linear(p.at('unpatch'), width, 32 * fineWidth)
  const fine = Array.from({ length: fineDepth }, (_, i) => residual(p.at('fine').at(i), fineWidth))
  const up = conv2d(p.at('up'), fineWidth, 4 * tailWidth, { kernel: 3, padding: 1 })
  const out = conv2d(p.at('conv_out'), tailWidth, 4 * channels, { kernel: 3, padding: 1 })
  return p.scoped((z: Tensor): Tensor => {
    const [B, Z, S, H, W] = z.shape
    if (z.shape.length !== 5 || Z !== latentChannels)
      throw new ShapeError('videoVae', `latents must be [B, ${latentChannels}, T, H, W]`, { z })
    const grid = { frames: S, height: H, width: W }
    const tokens = reshape(transpose(z, [2, 3, 4, 0, 1]), [tokensIn(grid), B, Z]) // [N, B, Z]
    let x = toCells(cells(trunk(embed(tokens), grid)), grid) // [T·B, F, 4H, 4W]
    for (const layer of fine) x = layer(x)
    x = depthToSpace(up(x), 2) // [T·B, tail, 8H, 8W]
    x = depthToSpace(out(silu(x)), 2) // [T·B, C, 16H, 16W]
    const T = timeStride * S - 1
    return transpose(reshape(x, [T, B, channels, spaceStride * H, spaceStride * W]), [1, 0, 2, 3, 4])
  })
}

/** What a folder of a video autoencoder says of its latents: each channel is brought to mean 0 and deviation 1. */
export interface LatentStatistics {
  readonly mean: readonly number[] // one for each latent channel
  readonly std: readonly number[]
}

/** Reads the `config.json` of a VideoVae, the project's own class, with the statistics of its latents. */
export function videoVaeConfig(json: unknown): { config: VideoVaeConfig; latents: LatentStatistics } {
  const c = configFields('VideoVae', json)
  const latentChannels = c.count('latent_channels')
  const perChannel = (name: string, value: number) => {
    const list = c.numbers(name, new Array<number>(latentChannels).fill(value))
    if (list.length !== latentChannels) throw c.wrong(name, `a list of ${latentChannels} numbers`)
    return list
  }
  const config = {
    channels: c.count('channels', 4),
    latentChannels,
    width: c.count('width'),
    heads: c.count('heads'),
    mlpRatio: c.count('mlp_ratio', 4),
    encoderDepth: c.count('encoder_depth'),
    decoderDepth: c.count('decoder_depth'),
    fineWidth: c.count('fine_width'),
    fineDepth: c.count('fine_depth'),
    tailWidth: c.count('tail_width'),
  }
  const std = perChannel('latents_std', 1)
  if (std.some((deviation) => deviation <= 0)) throw c.wrong('latents_std', 'a list of numbers above 0')
  return { config, latents: { mean: perChannel('latents_mean', 0), std } }
}

/** The opposite of `videoVaeConfig`: what to write as `config.json`. */
export const videoVaeJson = (c: VideoVaeConfig, { mean, std }: LatentStatistics): object => ({
  _class_name: 'VideoVae',
  channels: c.channels,
  latent_channels: c.latentChannels,
  width: c.width,
  heads: c.heads,
  mlp_ratio: c.mlpRatio,
  encoder_depth: c.encoderDepth,
  decoder_depth: c.decoderDepth,
  fine_width: c.fineWidth,
  fine_depth: c.fineDepth,
  tail_width: c.tailWidth,
  latents_mean: mean,
  latents_std: std,
})
