import type { Tensor } from '../graph/index.ts'
import { attention, conv2d, groupNorm, linear, type Params, zeros } from '../nn/index.ts'
import { add, avgPool, chunk, mul, reshape, resize, transpose } from '../ops/index.ts'
import { type Activation, activation } from './activation.ts'
import { type SpatialTransformerConfig, spatialTransformer } from './spatial-transformer.ts'

// The blocks of the DDPM U-Net (Ho et al. 2020, arXiv:2006.11239, appendix B), which the autoencoder of latent diffusion
// is made of too. Names are those of diffusers.

/** What the norms and activations of all blocks share. */
export interface BlockStyle {
  readonly groups: number // of the group norms
  readonly eps: number // of the group norms
  readonly activation: Activation
  readonly scale?: number // sums are divided by it; 1
}

/** Settings of a residual block. */
export interface ResidualConfig extends BlockStyle {
  readonly from: number // channels
  readonly to: number
  readonly timeWidth?: number // of the time embedding; absent where there is none
  readonly modulated?: boolean // time scales and shifts behind the second norm instead of being added before it
  readonly resample?: 'up' | 'down' // whether the block doubles or halves height and width
}

const resamplers = {
  up: (x: Tensor) => resize(x, { factor: 2 }),
  down: (x: Tensor) => avgPool(x, { kernel: 2 }),
  none: (x: Tensor) => x,
}

/**
 * Norm, activation, 3 × 3 convolution, twice, plus x; time is told in between: x [B, C, H, W], time [B, D] →
 * [B, C to, H, W]. The second convolution starts at zero.
 */
export function residual(p: Params, config: ResidualConfig) {
  const { from, to, groups, eps, timeWidth, modulated = false, scale = 1 } = config
  const act = activation(config.activation)
  const resample = resamplers[config.resample ?? 'none']
  const norm1 = groupNorm(p.at('norm1'), from, { groups, eps })
  const conv1 = conv2d(p.at('conv1'), from, to, { padding: 1 })
  const told = timeWidth ? linear(p.at('time_emb_proj'), timeWidth, modulated ? 2 * to : to) : undefined
  const norm2 = groupNorm(p.at('norm2'), to, { groups, eps })
  const conv2 = conv2d(p.at('conv2'), to, to, { padding: 1, init: zeros })
  const shortcut = from === to ? undefined : conv2d(p.at('conv_shortcut'), from, to, { kernel: 1 })

  return p.scoped((x: Tensor, time?: Tensor): Tensor => {
    const signal = told && time ? perPixel(told(act(time))) : undefined // [B, to or 2 to, 1, 1]
    let y = conv1(resample(act(norm1(x))))
    if (signal && !modulated) y = add(y, signal)
    y = norm2(y)
    if (signal && modulated) {
      const [gain, shift] = chunk(signal, 2, 1)
      y = add(mul(y, add(gain, 1)), shift)
    }
    y = conv2(act(y))
    const same = resample(x)
    return mul(add(shortcut ? shortcut(same) : same, y), 1 / scale)
  })
}

const perPixel = (x: Tensor): Tensor => reshape(x, [...x.shape, 1, 1])

/** Settings of an attention block over pixels. */
export interface PixelAttentionConfig {
  readonly channels: number
  readonly headWidth: number // d; there are ⌊channels / d⌋ heads
  readonly groups?: number // of the norm before; no norm where absent
  readonly eps: number
  readonly scale?: number // the sum is divided by it; 1
}

/** Every pixel attends to all of its picture, plus x: x [B, C, H, W] → [B, C, H, W]. The last layer starts at zero. */
export function pixelAttention(p: Params, { channels, headWidth, groups, eps, scale = 1 }: PixelAttentionConfig) {
  const norm = groups ? groupNorm(p.at('group_norm'), channels, { groups, eps }) : (x: Tensor) => x
  const heads = Math.floor(channels / headWidth)
  const attend = attention(p, { width: channels, heads, inner: heads * headWidth, outInit: zeros })
  return p.scoped((x: Tensor): Tensor => {
    const [B, C, H, W] = x.shape
    const tokens = transpose(reshape(norm(x), [B, C, H * W]), [2, 0, 1]) // [N, B, C]
    const y = reshape(transpose(attend(tokens), [1, 2, 0]), x.shape)
    return mul(add(y, x), 1 / scale)
  })
}

/** Half the height and width by a 3 × 3 convolution; padding 0 stands for one row and column behind, as in DDPM. */
export function downsample(p: Params, channels: number, padding = 1) {
  const sides = padding === 0 ? [0, 1] : [padding, padding]
  return conv2d(p.at('conv'), channels, channels, { stride: 2, padding: [sides, sides] as [number, number][] })
}

/** Twice the height and width: nearest neighbours, then a 3 × 3 convolution. */
export function upsample(p: Params, channels: number) {
  const conv = conv2d(p.at('conv'), channels, channels, { padding: 1 })
  return (x: Tensor): Tensor => conv(resize(x, { factor: 2 }))
}

/** Settings of the block between the two halves. */
export interface MiddleConfig extends BlockStyle {
  readonly channels: number
  readonly headWidth?: number // of the attention; no attention where absent
  readonly attentionGroups?: number
  readonly timeWidth?: number
  readonly modulated?: boolean
  readonly text?: Omit<SpatialTransformerConfig, 'channels'> // the attention looks at the text too
}

/** Residual block, attention over pixels or a spatial transformer, residual block. */
export function middle(p: Params, config: MiddleConfig) {
  const { channels, headWidth, attentionGroups, eps, scale, text } = config
  const block = (i: number) => residual(p.at(`resnets.${i}`), { ...config, from: channels, to: channels })
  const first = block(0)
  const attend = text
    ? spatialTransformer(p.at('attentions.0'), { ...text, channels })
    : headWidth
      ? pixelAttention(p.at('attentions.0'), { channels, headWidth, groups: attentionGroups, eps, scale })
      : (x: Tensor) => x
  const last = block(1)
  return (x: Tensor, time?: Tensor, context?: Tensor): Tensor => last(attend(first(x, time), context as Tensor), time)
}
