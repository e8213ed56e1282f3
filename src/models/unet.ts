import { ShapeError, type Tensor } from '../graph/index.ts'
import { conv2d, embedding, groupNorm, mlp, normal, type Params, timestepEmbedding, zeros } from '../nn/index.ts'
import { add, cast, concat, cos, div, log, mul, reshape, silu, sin, sub, transpose } from '../ops/index.ts'
import { type Activation, activation } from './activation.ts'
import { spatialTransformer } from './spatial-transformer.ts'
import { downsample, middle, pixelAttention, residual, upsample } from './unet-blocks.ts'

/** One size of the U-Net, on its way down or up. */
export interface UNetLevel {
  readonly attention: boolean // whether each residual block is followed by attention
  readonly resample: 'conv' | 'residual' // how the next size is made: by a convolution, or by a residual block
}

/** How a time becomes numbers. */
export type UNetTime =
  | { readonly kind: 'positional'; readonly cosFirst: boolean; readonly shift: number } // sinusoids of t
  | { readonly kind: 'fourier' } // sinusoids of ln t at random frequencies; the output is divided by t
  | { readonly kind: 'learned'; readonly steps: number } // a table of t

/** How a label is told, if at all: from a table, as a second time, or as the embedding itself. */
export type UNetLabels = { readonly kind: 'table'; readonly classes: number } | { readonly kind: 'time' | 'vector' }

/** How the network reads text states: its attentions are spatial transformers. */
export interface UNetText {
  readonly width: number // D of the states
  readonly heads: readonly number[] // of each level, from the whole size to the smallest
  readonly depth: readonly number[] // blocks of each spatial transformer
  readonly linear: boolean
}

/**
 * U-Net of DDPM (Ho et al. 2020, arXiv:2006.11239, appendix B), class UNet2DModel of diffusers; with text, that of latent
 * diffusion (Rombach et al. 2022, arXiv:2112.10752, section 3.3), class UNet2DConditionModel.
 */
export interface UNetConfig {
  readonly channels: number // C of the picture
  readonly outChannels: number
  readonly widths: readonly number[] // channels at the whole size, half of it, and so on
  readonly down: readonly UNetLevel[] // from the whole size to the smallest
  readonly up: readonly UNetLevel[] // from the smallest size to the whole one
  readonly depth: number // residual blocks of each level on the way down; one more on the way up
  readonly middle: boolean
  readonly middleAttention: boolean
  readonly middleScale: number // sums of the middle are divided by it
  readonly headWidth?: number // of the attention; one head where absent
  readonly groups: number // of the group norms
  readonly attentionGroups?: number // of the norm before the middle's attention; none where absent
  readonly eps: number
  readonly activation: Activation
  readonly modulated: boolean // time scales and shifts, instead of being added
  readonly padding: number // of the convolutions that halve the size; 0 stands for one row and column behind
  readonly time: UNetTime
  readonly timeWidth: number // of the time embedding
  readonly labels?: UNetLabels
  readonly text?: UNetText
  readonly centred: boolean // whether a picture in [0, 1] is brought to [−1, 1] first
}

const level = { attention: false, resample: 'conv' } as const
const attending = { attention: true, resample: 'conv' } as const
const published = {
  channels: 3,
  outChannels: 3,
  depth: 2,
  middle: true,
  middleAttention: true,
  middleScale: 1,
  groups: 32,
  attentionGroups: 32,
  eps: 1e-6,
  activation: 'silu',
  modulated: false,
  padding: 0,
  time: { kind: 'positional', cosFirst: false, shift: 1 },
  timeWidth: 512,
  centred: false,
} as const

/** CIFAR-10 and LSUN, appendix B of Ho et al. 2020: 35.7 M parameters for CIFAR-10, 114 M for pictures of 256 × 256; attention at 16 × 16. */
export const unetSizes = {
  'CIFAR-10': {
    ...published,
    widths: [128, 256, 256, 256],
    down: [level, attending, level, level],
    up: [level, level, attending, level],
  },
  'LSUN-256': {
    ...published,
    widths: [128, 128, 256, 256, 512, 512],
    down: [level, level, level, level, attending, level],
    up: [level, attending, level, level, level, level],
  },
  // Stable Diffusion 1 (the repository of Rombach et al. 2022): 860 M parameters on latents of 64 × 64.
  'SD-1': {
    ...published,
    channels: 4,
    outChannels: 4,
    widths: [320, 640, 1280, 1280],
    down: [attending, attending, attending, level],
    up: [level, attending, attending, attending],
    eps: 1e-5,
    padding: 1,
    time: { kind: 'positional', cosFirst: true, shift: 0 },
    timeWidth: 1280,
    text: { width: 768, heads: [8, 8, 8, 8], depth: [1, 1, 1, 1], linear: false },
  },
} satisfies Record<string, UNetConfig>

/** What the network is told beside x and t. */
export interface UNetConditions {
  readonly labels?: Tensor // [B], where the config has them
  readonly text?: Tensor // [B, L, D], where the config has it
}

/** The denoiser: x [B, C, H, W], t [B] → [B, C out, H, W]. */
export function unet(p: Params, config: UNetConfig) {
  const { channels, outChannels, widths, groups, eps, centred, time } = config
  const first = conv2d(p.at('conv_in'), channels, widths[0], { padding: 1 })
  const embed = conditioning(p, config)
  const down = downPath(p.at('down_blocks'), config)
  const mid = config.middle ? middle(p.at('mid_block'), middleConfig(config)) : (x: Tensor) => x
  const hasText = config.text !== undefined
  const up = upPath(p.at('up_blocks'), config)
  const norm = groupNorm(p.at('conv_norm_out'), widths[0], { groups, eps })
  const act = outerActivation(config)
  const last = conv2d(p.at('conv_out'), widths[0], outChannels, { padding: 1, init: zeros })

  return p.scoped((x: Tensor, t: Tensor, { labels, text }: UNetConditions = {}): Tensor => {
    const factor = 2 ** (widths.length - 1)
    if (x.shape.length !== 4 || x.shape[1] !== channels || x.shape.slice(2).some((n) => n % factor !== 0))
      throw new ShapeError('unet', `x must be [B, ${channels}, H, W], H and W multiples of ${factor}`, { x })
    if (hasText !== (text !== undefined))
      throw new ShapeError('unet', hasText ? 'this network needs text' : 'this network takes no text', { x })
    const told = { time: embed(t, labels), text: text && transpose(text, [1, 0, 2]) } // [B, D] and [L, B, D]
    const skips = [first(centred ? sub(mul(x, 2), 1) : x)]
    for (const step of down) step(skips, told)
    const y = up.reduce((z, step) => step(z, skips, told), mid(skips.at(-1)!, told.time, told.text))
    const noise = last(act(norm(y)))
    return time.kind === 'fourier' ? div(noise, reshape(t, [t.shape[0], 1, 1, 1])) : noise
  })
}

/** Before the last convolution and inside the time embedding: UNet2DModel has SiLU there whatever its blocks have. */
const outerActivation = (config: UNetConfig) => (config.text ? activation(config.activation) : silu)

/** Time and label as one vector: t [B], labels [B] → [B, D]. */
function conditioning(p: Params, config: UNetConfig) {
  const { widths, timeWidth: width, labels } = config
  const project = timeProjection(p.at('time_proj'), config)
  const names = ['linear_1', 'linear_2'] as const
  const layers = { width, hidden: width, activation: outerActivation(config), names }
  const from = config.time.kind === 'fourier' ? 2 * widths[0] : widths[0]
  const embedTime = mlp(p.at('time_embedding'), { ...layers, from })
  const embedLabel = labelEmbedding()

  function labelEmbedding(): ((label: Tensor) => Tensor) | undefined {
    if (labels?.kind === 'table') return embedding(p.at('class_embedding'), labels.classes, width)
    if (labels?.kind === 'vector') return (label) => label
    if (!labels) return undefined
    const embed = mlp(p.at('class_embedding'), { ...layers, from })
    return (label) => embed(project(cast(label, 'float32')))
  }

  return (t: Tensor, label?: Tensor): Tensor => {
    if ((label === undefined) !== (embedLabel === undefined))
      throw new ShapeError('unet', embedLabel ? 'this network needs labels' : 'this network takes no labels', { t })
    const told = embedTime(project(t))
    return embedLabel && label ? add(told, embedLabel(label)) : told
  }
}

function timeProjection(p: Params, { time, widths: [width] }: UNetConfig): (t: Tensor) => Tensor {
  if (time.kind === 'positional') return (t) => timestepEmbedding(t, width, time)
  if (time.kind === 'learned') return embedding(p, time.steps, width)
  const frequencies = p.buffer('weight', [width], normal(16))
  return (t) => {
    const angles = mul(mul(reshape(log(t), [-1, 1]), frequencies), 2 * Math.PI)
    return concat([sin(angles), cos(angles)], 1)
  }
}

interface Told {
  readonly time: Tensor // [B, D]
  readonly text?: Tensor // [L, B, D]
}
type DownStep = (skips: Tensor[], told: Told) => void
type UpStep = (x: Tensor, skips: Tensor[], told: Told) => Tensor

const styleOf = ({ groups, eps, activation, modulated, timeWidth }: UNetConfig) => ({
  groups,
  eps,
  activation,
  modulated,
  timeWidth,
})

/** The attention behind a residual block of a level, counted from the whole size. */
function attentionOf(p: Params, level: number, config: UNetConfig): (x: Tensor, text?: Tensor) => Tensor {
  const { widths, groups, eps } = config
  const channels = widths[level]
  const text = textOf(level, config)
  if (!text) return pixelAttention(p, { channels, headWidth: config.headWidth ?? channels, groups, eps })
  const transformer = spatialTransformer(p, { ...text, channels })
  return (x, states) => transformer(x, states!) // the network has seen that they are there
}

const textOf = (level: number, { text, groups }: UNetConfig) =>
  text && {
    ...{ heads: text.heads[level], contextWidth: text.width, depth: text.depth[level], groups, linear: text.linear },
  }

/** The way down: every result is put on the pile of skips, from which the way up takes them. */
function downPath(p: Params, config: UNetConfig): DownStep[] {
  const { widths, depth, padding } = config
  const steps: ((x: Tensor, told: Told) => Tensor)[] = []
  widths.forEach((to, i) => {
    const at = p.at(i)
    for (let j = 0; j < depth; j++) {
      const from = j > 0 ? to : widths[Math.max(i - 1, 0)]
      const block = residual(at.at(`resnets.${j}`), { ...styleOf(config), from, to })
      const attend = config.down[i].attention ? attentionOf(at.at(`attentions.${j}`), i, config) : undefined
      steps.push((x, { time, text }) => (attend ? attend(block(x, time), text) : block(x, time)))
    }
    if (i === widths.length - 1) return
    const place = at.at('downsamplers.0')
    const shrink =
      config.down[i].resample === 'conv'
        ? downsample(place, to, padding)
        : residual(place, { ...styleOf(config), from: to, to, resample: 'down' })
    steps.push((x, { time }) => shrink(x, time))
  })
  return steps.map((step) => (skips, told) => {
    skips.push(step(skips.at(-1)!, told))
  })
}

/** The way up: each residual block reads the newest skip that is left beside its input. */
function upPath(p: Params, config: UNetConfig): UpStep[] {
  const { depth } = config
  const widths = [...config.widths].reverse()
  const steps: UpStep[] = []
  widths.forEach((to, i) => {
    const at = p.at(i)
    const before = widths[Math.min(i + 1, widths.length - 1)] // of the last skip of this level
    for (let j = 0; j <= depth; j++) {
      const from = (j > 0 ? to : widths[Math.max(i - 1, 0)]) + (j < depth ? to : before)
      const block = residual(at.at(`resnets.${j}`), { ...styleOf(config), from, to })
      const attend = config.up[i].attention
        ? attentionOf(at.at(`attentions.${j}`), widths.length - 1 - i, config)
        : undefined
      steps.push((x, skips, { time, text }) => {
        const y = block(concat([x, skips.pop()!], 1), time)
        return attend ? attend(y, text) : y
      })
    }
    if (i === widths.length - 1) return
    const place = at.at('upsamplers.0')
    const grow =
      config.up[i].resample === 'conv'
        ? upsample(place, to)
        : residual(place, { ...styleOf(config), from: to, to, resample: 'up' })
    steps.push((x, _, { time }) => grow(x, time))
  })
  return steps
}

function middleConfig(config: UNetConfig) {
  const { widths, headWidth = widths.at(-1)!, middleAttention, middleScale: scale, attentionGroups } = config
  const attention = { headWidth: middleAttention ? headWidth : undefined, attentionGroups }
  const text = textOf(widths.length - 1, config)
  return { ...styleOf(config), channels: widths.at(-1)!, scale, text, ...attention }
}
