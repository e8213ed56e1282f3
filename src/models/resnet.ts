import type { Tensor } from '../graph/index.ts'
import { batchNorm, conv2d, heNormal, linear, type Params, type Updates } from '../nn/index.ts'
import { add, maxPool, mean } from '../ops/index.ts'
import { type Activation, activation, activationNames } from './activation.ts'
import { classesOf, configFields } from './config-fields.ts'

/** Residual network (He et al. 2015, arXiv:1512.03385), class ResNetForImageClassification of transformers. */
export interface ResNetConfig {
  readonly channels: number // of the picture
  readonly stemWidth: number // channels behind the first convolution
  readonly widths: readonly number[] // channels of each stage
  readonly depths: readonly number[] // residual blocks of each stage
  readonly block: 'basic' | 'bottleneck'
  readonly activation: Activation
  readonly strideInFirstStage: boolean // whether the first stage halves the size too
  readonly strideInBottleneck: boolean // whether a bottleneck halves the size in its first convolution, not in its second
  readonly classes: number
}

const published = {
  channels: 3,
  stemWidth: 64,
  activation: 'relu',
  strideInFirstStage: false,
  strideInBottleneck: false,
  classes: 1000,
} as const
const basic = { ...published, block: 'basic', widths: [64, 128, 256, 512] } as const
const bottleneck = { ...published, block: 'bottleneck', widths: [256, 512, 1024, 2048] } as const

/** Table 1 of He et al. 2015, with the stride in the 3 × 3 convolution as released weights have it. */
export const resnetSizes = {
  'ResNet-18': { ...basic, depths: [2, 2, 2, 2] },
  'ResNet-34': { ...basic, depths: [3, 4, 6, 3] },
  'ResNet-50': { ...bottleneck, depths: [3, 4, 6, 3] },
  'ResNet-101': { ...bottleneck, depths: [3, 4, 23, 3] },
  'ResNet-152': { ...bottleneck, depths: [3, 8, 36, 3] },
} satisfies Record<string, ResNetConfig>

/** How a network is built. */
export interface ResNetOptions {
  /** In training: norms use the statistics of the batch, and the next running ones are added here. */
  readonly training?: Updates
}

interface ConvNormConfig extends ResNetOptions {
  readonly kernel: number
  readonly stride?: number
  readonly activation?: Activation
}

/** Convolution without bias, batch norm and, where one is named, an activation. */
function convNorm(p: Params, [from, to]: readonly [number, number], config: ConvNormConfig) {
  const { kernel, stride = 1, training } = config
  const window = { kernel, stride, padding: Math.floor(kernel / 2) }
  const conv = conv2d(p.at('convolution'), from, to, { ...window, bias: false, init: heNormal })
  const norm = batchNorm(p.at('normalization'), to, { training })
  const act = activation(config.activation ?? 'linear')
  return (x: Tensor): Tensor => act(norm(conv(x)))
}

interface BlockConfig extends ResNetOptions {
  readonly from: number
  readonly to: number
  readonly stride: number
  readonly config: ResNetConfig
}

/** A residual block, F(x) + x (figures 2 and 5); x goes through a 1 × 1 convolution where the shapes differ. */
export function residualBlock(p: Params, { from, to, stride, config, training }: BlockConfig) {
  const shortcut =
    from !== to || stride !== 1 ? convNorm(p.at('shortcut'), [from, to], { kernel: 1, stride, training }) : undefined
  const layers = config.block === 'basic' ? basicLayers(from, to, stride) : bottleneckLayers(from, to, stride, config)
  // The activation of the first layers is ReLU whatever the config says; the config's follows the sum.
  const path = layers.map(({ channels, ...window }, i) => {
    const act = i < layers.length - 1 ? 'relu' : undefined
    return convNorm(p.at(`layer.${i}`), channels, { ...window, activation: act, training })
  })
  const act = activation(config.activation)
  return p.scoped((x: Tensor): Tensor => {
    const y = path.reduce((t, layer) => layer(t), x)
    return act(add(y, shortcut ? shortcut(x) : x))
  })
}

interface LayerPlan {
  readonly channels: readonly [from: number, to: number]
  readonly kernel: number
  readonly stride: number
}

const basicLayers = (from: number, to: number, stride: number): LayerPlan[] => [
  { channels: [from, to], kernel: 3, stride },
  { channels: [to, to], kernel: 3, stride: 1 },
]

function bottleneckLayers(from: number, to: number, stride: number, { strideInBottleneck }: ResNetConfig): LayerPlan[] {
  const narrow = Math.floor(to / 4)
  return [
    { channels: [from, narrow], kernel: 1, stride: strideInBottleneck ? stride : 1 },
    { channels: [narrow, narrow], kernel: 3, stride: strideInBottleneck ? 1 : stride },
    { channels: [narrow, to], kernel: 1, stride: 1 },
  ]
}

/** All but the head: pixels [B, C, H, W] → [B, D], the mean over all places. */
export function resnetEncoder(p: Params, config: ResNetConfig, { training }: ResNetOptions = {}) {
  const { channels, stemWidth, widths, depths } = config
  const stemConfig = { kernel: 7, stride: 2, activation: config.activation, training }
  const stem = convNorm(p.at('resnet.embedder.embedder'), [channels, stemWidth], stemConfig)
  const blocks = widths.flatMap((to, stage) =>
    Array.from({ length: depths[stage] }, (_, i) => {
      const from = i > 0 ? to : stage > 0 ? widths[stage - 1] : stemWidth
      const stride = i === 0 && (stage > 0 || config.strideInFirstStage) ? 2 : 1
      return residualBlock(p.at(`resnet.encoder.stages.${stage}.layers.${i}`), { from, to, stride, config, training })
    }),
  )
  const encode = p.scoped((pixels: Tensor): Tensor => {
    const x = maxPool(stem(pixels), { kernel: 3, stride: 2, padding: 1 })
    const features = blocks.reduce((t, block) => block(t), x) // [B, D, H/32, W/32]
    return mean(features, [2, 3])
  })
  return { width: widths.at(-1)!, encode }
}

/** The classifier: pixels [B, C, H, W] → logits [B, classes]. */
export function resnet(p: Params, config: ResNetConfig, options: ResNetOptions = {}) {
  const { width, encode } = resnetEncoder(p, config, options)
  const head = linear(p.at('classifier.1'), width, config.classes)
  return p.scoped((pixels: Tensor): Tensor => head(encode(pixels)))
}

/** Reads the `config.json` of a ResNetForImageClassification. */
export function resnetConfig(json: unknown): ResNetConfig {
  const c = configFields('ResNetForImageClassification', json)
  const widths = c.counts('hidden_sizes', [256, 512, 1024, 2048])
  return {
    channels: c.count('num_channels', 3),
    stemWidth: c.count('embedding_size', 64),
    widths,
    depths: c.counts('depths', [3, 4, 6, 3], widths.length),
    block: c.oneOf('layer_type', ['basic', 'bottleneck'], 'bottleneck'),
    activation: c.oneOf('hidden_act', activationNames, 'relu'),
    strideInFirstStage: c.flag('downsample_in_first_stage', false),
    strideInBottleneck: c.flag('downsample_in_bottleneck', false),
    classes: classesOf(c),
  }
}
