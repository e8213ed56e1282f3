import type { Tensor } from '../graph/index.ts'
import { attend, batchNorm, conv2d, heNormal, linear, normal, type Params, type Updates } from '../nn/index.ts'
import { add, avgPool, concat, mean, relu, reshape, slice, transpose } from '../ops/index.ts'
import { configFields } from './config-fields.ts'

/**
 * CLIP's other image tower: a residual network with three stem convolutions, pooling before every convolution that
 * would stride, and attention instead of the last mean (Radford et al. 2021, section 2.4), class ModifiedResNet of
 * OpenAI's code and of open_clip.
 */
export interface ClipResNetConfig {
  readonly layers: readonly [number, number, number, number] // blocks of each stage
  readonly width: number // channels behind the stem
  readonly heads: number // of the attention
  readonly imageSize: number
  readonly outputDim: number // width of the space that pictures and texts share
}

/** Table 19 of Radford et al. 2021. */
export const clipResNetSizes = {
  RN50: { layers: [3, 4, 6, 3], width: 64, heads: 32, imageSize: 224, outputDim: 1024 },
  RN101: { layers: [3, 4, 23, 3], width: 64, heads: 32, imageSize: 224, outputDim: 512 },
  RN50x4: { layers: [4, 6, 10, 6], width: 80, heads: 40, imageSize: 288, outputDim: 640 },
} satisfies Record<string, ClipResNetConfig>

/** How a network is built. */
export interface ClipResNetOptions {
  /** In training: norms use the statistics of the batch, and the next running ones are added here. */
  readonly training?: Updates
}

interface Plan extends ClipResNetOptions {
  readonly from: number
  readonly to: number // channels of the convolutions between the first and the last
  readonly stride: number
}

/** The picture as one vector: pixels [B, 3, H, W] → [B, output], not yet of length 1. */
export function clipResNet(p: Params, config: ClipResNetConfig, { training }: ClipResNetOptions = {}) {
  const { layers, width } = config
  const half = width / 2
  const stem = [
    convNorm(p, 1, [3, half], { kernel: 3, stride: 2, training }),
    convNorm(p, 2, [half, half], { kernel: 3, training }),
    convNorm(p, 3, [half, width], { kernel: 3, training }),
  ]
  const blocks = layers.flatMap((depth, stage) => {
    const to = width * 2 ** stage
    return Array.from({ length: depth }, (_, i) => {
      const from = i > 0 ? 4 * to : stage > 0 ? 2 * to : width
      return bottleneck(p.at(`layer${stage + 1}.${i}`), { from, to, stride: i === 0 && stage > 0 ? 2 : 1, training })
    })
  })
  const pool = attentionPool(p.at('attnpool'), config)
  return p.scoped((pixels: Tensor): Tensor => {
    const x = stem.reduce((t, layer) => relu(layer(t)), pixels) // [B, width, H/2, W/2]
    return pool(blocks.reduce((t, block) => block(t), avgPool(x, { kernel: 2 }))) // [B, 32 width, H/32, W/32] before
  })
}

/** Convolution number `n` without bias, and its batch norm. */
function convNorm(
  p: Params,
  n: number,
  [from, to]: readonly [number, number],
  { training, gain, ...window }: ClipResNetOptions & { kernel: number; stride?: number; gain?: number },
) {
  const padding = Math.floor(window.kernel / 2)
  const conv = conv2d(p.at(`conv${n}`), from, to, { ...window, padding, bias: false, init: heNormal })
  const norm = batchNorm(p.at(`bn${n}`), to, { training, gain })
  return (x: Tensor): Tensor => norm(conv(x))
}

/** A bottleneck whose stride is a mean over patches, on both paths: no pixel is left out (antialiasing, Zhang 2019). */
function bottleneck(p: Params, { from, to, stride, training }: Plan) {
  const layers = [
    convNorm(p, 1, [from, to], { kernel: 1, training }),
    convNorm(p, 2, [to, to], { kernel: 3, training }),
    convNorm(p, 3, [to, 4 * to], { kernel: 1, training, gain: 0 }), // each block begins as the identity
  ]
  const shrink = stride > 1 ? (x: Tensor) => avgPool(x, { kernel: stride }) : same
  const widen = stride > 1 || from !== 4 * to ? shortcut(p.at('downsample'), [from, 4 * to], training) : same
  return p.scoped((x: Tensor): Tensor => {
    const inner = shrink(relu(layers[1](relu(layers[0](x)))))
    return relu(add(layers[2](inner), widen(shrink(x))))
  })
}

const same = (x: Tensor) => x

function shortcut(p: Params, [from, to]: readonly [number, number], training?: Updates) {
  const conv = conv2d(p.at('0'), from, to, { kernel: 1, bias: false, init: heNormal })
  const norm = batchNorm(p.at('1'), to, { training })
  return (x: Tensor): Tensor => norm(conv(x))
}

/** The mean of all places asks each of them once: x [B, D, H, W] → [B, output]. */
function attentionPool(p: Params, { width, heads, imageSize, outputDim }: ClipResNetConfig) {
  const D = 32 * width
  const count = Math.floor(imageSize / 32) ** 2 + 1
  const positions = p.get('positional_embedding', [count, D], normal(D ** -0.5))
  const project = (name: string, to: number) => linear(p.at(name), D, to, { init: normal(D ** -0.5) })
  const [toQ, toK, toV, toOut] = ['q_proj', 'k_proj', 'v_proj', 'c_proj'].map((name, i) =>
    project(name, i < 3 ? D : outputDim),
  )
  return p.scoped((x: Tensor): Tensor => {
    const [B] = x.shape
    const places = transpose(reshape(x, [B, D, -1]), [2, 0, 1]) // [N, B, D]
    const all = add(concat([mean(places, 0, true), places], 0), reshape(positions, [count, 1, D])) // [1 + N, B, D]
    const first = slice(all, 0, 0, 1)
    return reshape(toOut(attend(toQ(first), toK(all), toV(all), { heads })), [B, outputDim])
  })
}

/** Reads the arguments of open_clip's ModifiedResNet. */
export function clipResNetConfig(json: unknown): ClipResNetConfig {
  const c = configFields('ModifiedResNet', json)
  const { RN50 } = clipResNetSizes
  return {
    layers: c.counts('layers', [...RN50.layers], 4) as [number, number, number, number],
    width: c.count('width', RN50.width),
    heads: c.count('heads', RN50.heads),
    imageSize: c.count('image_size', RN50.imageSize),
    outputDim: c.count('output_dim', RN50.outputDim),
  }
}
