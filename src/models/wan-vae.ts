import { ShapeError, type Tensor } from '../graph/index.ts'
import { attend, conv2d, conv3d, ones, type Params } from '../nn/index.ts'
import {
  add,
  chunk,
  clip,
  concat,
  mean,
  mul,
  reshape,
  resize,
  rsqrt,
  silu,
  slice,
  square,
  transpose,
} from '../ops/index.ts'
import { type Posterior, posteriorOf } from './vae.ts'
import { averageDown, depthToSpace, repeatUp, spaceToDepth } from './wan-vae-shortcuts.ts'

/**
 * Video autoencoder of Wan 2.1 and 2.2 (arXiv:2503.20314, section 4.1), class AutoencoderKLWan of diffusers: causal in
 * time, 1 + 4k frames become 1 + k latent frames.
 *
 * The published class runs a clip through in pieces of 1, 4, 4, … frames and keeps the last frames of each layer for the
 * next piece. As every layer looks only backwards, that is the same as running the whole clip at once, provided that the
 * first frame is kept out of every change of the frame rate; so it is written here.
 */
export interface WanVaeConfig {
  readonly channels: number // that the encoder reads, of a frame cut into patches
  readonly outChannels: number // that the decoder writes
  readonly patchSize: number // pixels on a side that become channels; 1 leaves frames as they are
  readonly width: number // channels of the encoder at the whole size
  readonly decoderWidth: number
  readonly multiples: readonly number[] // of the width, for each size
  readonly depth: number // residual blocks of each size; the decoder has one more
  readonly latentChannels: number // Z
  readonly halveTime: readonly boolean[] // whether the step to the next smaller size also halves the frame rate
  readonly shortcuts: boolean // Wan 2.2: each size also passes averages on (DC-AE, arXiv:2410.10733)
  readonly latentsMean: readonly number[] // [Z]; a diffusion model sees (z − mean) / std
  readonly latentsStd: readonly number[]
}

/** x · √C / ‖x‖ over the channels, times a gain: x [B, C, ...] → [B, C, ...]; `axes` axes follow the gain's channels. */
function channelNorm(p: Params, channels: number, axes: 2 | 3) {
  const shape = [channels, ...new Array<number>(axes).fill(1)]
  const gain = p.get('gamma', shape, ones)
  return p.scoped((x: Tensor): Tensor => mul(mul(x, rsqrt(add(mean(square(x), 1, true), 1e-24))), gain))
}

/** Convolution that sees no later frame: x [B, C, T, H, W] → [B, C to, T, H, W]. */
function causalConv(p: Params, from: number, to: number, kernel: readonly [number, number, number] = [3, 3, 3]) {
  const [frames, height, width] = kernel
  const half = (n: number) => [(n - 1) / 2, (n - 1) / 2] as const
  return conv3d(p, from, to, { kernel, padding: [[frames - 1, 0], half(height), half(width)] })
}

/** Norm, SiLU, causal convolution, twice, plus x. */
function residualBlock(p: Params, from: number, to: number) {
  const norm1 = channelNorm(p.at('norm1'), from, 3)
  const conv1 = causalConv(p.at('conv1'), from, to)
  const norm2 = channelNorm(p.at('norm2'), to, 3)
  const conv2 = causalConv(p.at('conv2'), to, to)
  const shortcut = from === to ? (x: Tensor) => x : causalConv(p.at('conv_shortcut'), from, to, [1, 1, 1])
  return p.scoped((x: Tensor): Tensor => add(conv2(silu(norm2(conv1(silu(norm1(x)))))), shortcut(x)))
}

/** Runs a layer of pictures on each frame: x [B, C, T, H, W] → [B, C', T, H', W']. */
function eachFrame(x: Tensor, layer: (frames: Tensor) => Tensor): Tensor {
  const [B, C, T, H, W] = x.shape
  const y = layer(reshape(transpose(x, [0, 2, 1, 3, 4]), [B * T, C, H, W]))
  return transpose(reshape(y, [B, T, ...y.shape.slice(1)]), [0, 2, 1, 3, 4])
}

/** Each pixel attends to all of its frame, one head, plus x. */
function frameAttention(p: Params, channels: number) {
  const norm = channelNorm(p.at('norm'), channels, 2)
  const qkv = conv2d(p.at('to_qkv'), channels, 3 * channels, { kernel: 1 })
  const project = conv2d(p.at('proj'), channels, channels, { kernel: 1 })
  const layer = (x: Tensor): Tensor => {
    const [B, C, H, W] = x.shape
    const [q, k, v] = chunk(transpose(reshape(qkv(norm(x)), [B, 3 * C, H * W]), [2, 0, 1]), 3) // each [N, B, C]
    return project(reshape(transpose(attend(q, k, v, { heads: 1 }), [1, 2, 0]), x.shape))
  }
  return p.scoped((x: Tensor): Tensor => add(eachFrame(x, layer), x))
}

function middle(p: Params, channels: number) {
  const first = residualBlock(p.at('resnets.0'), channels, channels)
  const attention = frameAttention(p.at('attentions.0'), channels)
  const last = residualBlock(p.at('resnets.1'), channels, channels)
  return (x: Tensor): Tensor => last(attention(first(x)))
}

/** Half the height and width and, where `time` is set, half the frames after the first. */
function shrink(p: Params, channels: number, time: boolean) {
  const padding: [number, number][] = [
    [0, 1],
    [0, 1],
  ]
  const conv = conv2d(p.at('resample.1'), channels, channels, { stride: 2, padding })
  const pairs = time
    ? conv3d(p.at('time_conv'), channels, channels, { kernel: [3, 1, 1], stride: [2, 1, 1] })
    : undefined
  return p.scoped((x: Tensor): Tensor => {
    const y = eachFrame(x, conv)
    return pairs && y.shape[2] > 1 ? concat([slice(y, 2, 0, 1), pairs(y)], 2) : y
  })
}

/** Twice the height and width and, where `time` is set, two frames for each after the first. */
function grow(p: Params, from: number, to: number, time: boolean) {
  const conv = conv2d(p.at('resample.1'), from, to, { padding: 1 })
  const pairs = time ? causalConv(p.at('time_conv'), from, 2 * from, [3, 1, 1]) : undefined
  const later = (x: Tensor): Tensor => {
    const [B, C, T, H, W] = x.shape
    const both = reshape(pairs!(x), [B, 2, C, T, H, W])
    return reshape(transpose(both, [0, 2, 3, 1, 4, 5]), [B, C, 2 * T, H, W])
  }
  return p.scoped((x: Tensor): Tensor => {
    const y = pairs && x.shape[2] > 1 ? concat([slice(x, 2, 0, 1), later(slice(x, 2, 1))], 2) : x
    return eachFrame(y, (frames) => conv(resize(frames, { factor: 2 })))
  })
}

type Step = (x: Tensor) => Tensor

function encoder(p: Params, config: WanVaeConfig): Step {
  const { channels, width, multiples, depth, latentChannels, halveTime, shortcuts } = config
  const widths = multiples.map((m) => m * width)
  const steps: Step[] = [causalConv(p.at('conv_in'), channels, width)]
  let place = 0 // Wan 2.1 counts all blocks of all sizes through
  widths.forEach((to, level) => {
    const from = level > 0 ? widths[level - 1] : width
    const time = halveTime[level]
    const smaller = level < widths.length - 1
    const next = (name: string) => p.at('down_blocks').at(shortcuts ? `${level}.${name}` : place++)
    const own: Step[] = []
    for (let i = 0; i < depth; i++) own.push(residualBlock(next(`resnets.${i}`), i > 0 ? to : from, to))
    if (smaller) own.push(shrink(next('downsampler'), to, time))
    const run: Step = (x) => own.reduce((y, step) => step(y), x)
    const factors = { time: smaller && time ? 2 : 1, space: smaller ? 2 : 1 }
    steps.push(shortcuts ? (x) => add(run(x), averageDown(x, to, factors)) : run)
  })
  const last = widths.at(-1)!
  steps.push(middle(p.at('mid_block'), last), finish(p, last, 2 * latentChannels))
  return p.scoped((x: Tensor): Tensor => steps.reduce((y, step) => step(y), x))
}

function decoder(p: Params, config: WanVaeConfig): Step {
  const { outChannels, decoderWidth, multiples, depth, latentChannels, halveTime, shortcuts } = config
  const widths = multiples.map((m) => m * decoderWidth).reverse()
  const doubleTime = [...halveTime].reverse()
  const steps: Step[] = [causalConv(p.at('conv_in'), latentChannels, widths[0])]
  steps.push(middle(p.at('mid_block'), widths[0]))
  widths.forEach((to, level) => {
    const at = p.at(`up_blocks.${level}`)
    const larger = level < widths.length - 1
    const before = widths[Math.max(level - 1, 0)]
    const from = level > 0 && !shortcuts ? Math.floor(before / 2) : before // Wan 2.1 halves the channels as it grows
    const own: Step[] = []
    for (let i = 0; i <= depth; i++) own.push(residualBlock(at.at(`resnets.${i}`), i > 0 ? to : from, to))
    const place = at.at(shortcuts ? 'upsampler' : 'upsamplers.0')
    if (larger) own.push(grow(place, to, shortcuts ? to : Math.floor(to / 2), doubleTime[level]))
    const run: Step = (x) => own.reduce((y, step) => step(y), x)
    const factors = { time: doubleTime[level] ? 2 : 1, space: 2 }
    steps.push(shortcuts && larger ? (x) => add(run(x), repeatUp(x, to, factors)) : run)
  })
  steps.push(finish(p, widths.at(-1)!, outChannels))
  return p.scoped((z: Tensor): Tensor => steps.reduce((y, step) => step(y), z))
}

function finish(p: Params, from: number, to: number): Step {
  const norm = channelNorm(p.at('norm_out'), from, 3)
  const conv = causalConv(p.at('conv_out'), from, to)
  return (x) => conv(silu(norm(x)))
}

/** Both halves: clips [B, C, T, H, W] → latents [B, Z, 1 + ⌊(T − 1) / 4⌋, H / f, W / f], and back, between −1 and 1. */
export function wanVae(p: Params, config: WanVaeConfig) {
  const { channels, patchSize, latentChannels: Z } = config
  const encode = encoder(p.at('encoder'), config)
  const quantize = causalConv(p.at('quant_conv'), 2 * Z, 2 * Z, [1, 1, 1])
  const open = causalConv(p.at('post_quant_conv'), Z, Z, [1, 1, 1])
  const decode = decoder(p.at('decoder'), config)
  return {
    encode(x: Tensor): Posterior {
      const C = channels / patchSize ** 2
      if (x.shape.length !== 5 || x.shape[1] !== C)
        throw new ShapeError('wanVae', `x must be [B, ${C}, T, H, W]`, { x })
      // Frames behind the last whole group of four are not read, as in the published class.
      const whole = slice(x, 2, 0, 1 + 4 * Math.floor((x.shape[2] - 1) / 4))
      return posteriorOf(quantize(encode(spaceToDepth(whole, patchSize))))
    },
    decode(z: Tensor): Tensor {
      if (z.shape.length !== 5 || z.shape[1] !== Z)
        throw new ShapeError('wanVae', `z must be [B, ${Z}, T, H, W]`, { z })
      return clip(depthToSpace(decode(open(z)), patchSize), -1, 1)
    },
  }
}
