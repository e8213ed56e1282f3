import { constant, ShapeError, type Tensor } from '../graph/index.ts'
import { conv2d, heNormal, linear, normal, type Params } from '../nn/index.ts'
import { matmul, maxPool, relu, reshape, transpose } from '../ops/index.ts'
import { classesOf, configFields } from './config-fields.ts'

/** VGG (Simonyan & Zisserman 2014, arXiv:1409.1556); weights carry the names of torchvision's class VGG. */
export interface VggConfig {
  readonly channels: number // of the picture
  readonly layers: readonly (number | 'M')[] // output channels of a 3 × 3 convolution, or a 2 × 2 max pool
  readonly pool: number // height and width of the features that the classifier reads
  readonly hidden: number // width of its two hidden layers
  readonly classes: number
}

/** Table 1 of Simonyan & Zisserman 2014: columns A, B, D and E. */
export const vggSizes = {
  'VGG-11': sized([1, 1, 2, 2, 2]),
  'VGG-13': sized([2, 2, 2, 2, 2]),
  'VGG-16': sized([2, 2, 3, 3, 3]),
  'VGG-19': sized([2, 2, 4, 4, 4]),
} satisfies Record<string, VggConfig>

function sized(depths: readonly number[]): VggConfig {
  const widths = [64, 128, 256, 512, 512]
  const layers = depths.flatMap((depth, i) => [...new Array<number>(depth).fill(widths[i]), 'M' as const])
  return { channels: 3, layers, pool: 7, hidden: 4096, classes: 1000 }
}

const headInit = normal(0.01)

/** All but the last layer: pixels [B, C, H, W] → [B, hidden]. */
export function vggEncoder(p: Params, { channels, layers, pool, hidden }: VggConfig) {
  const steps: ((x: Tensor) => Tensor)[] = []
  let from = channels
  let place = 0 // torchvision counts convolution, activation and pool each
  for (const layer of layers) {
    if (layer === 'M') steps.push((x) => maxPool(x, { kernel: 2 }))
    else {
      const conv = conv2d(p.at(`features.${place}`), from, layer, { padding: 1, init: heNormal })
      steps.push((x) => relu(conv(x)))
      from = layer
    }
    place += layer === 'M' ? 1 : 2
  }
  const first = linear(p.at('classifier.0'), from * pool * pool, hidden, { init: headInit })
  const second = linear(p.at('classifier.3'), hidden, hidden, { init: headInit })
  const encode = p.scoped((pixels: Tensor): Tensor => {
    if (pixels.shape.length !== 4 || pixels.shape[1] !== channels)
      throw new ShapeError('vgg', `pixels must be [B, ${channels}, H, W]`, { pixels })
    const features = averageTo(
      steps.reduce((x, step) => step(x), pixels),
      pool,
    )
    return relu(second(relu(first(reshape(features, [pixels.shape[0], -1])))))
  })
  return { width: hidden, encode }
}

/** The classifier: pixels [B, C, H, W] → logits [B, classes]. */
export function vgg(p: Params, config: VggConfig) {
  const { width, encode } = vggEncoder(p, config)
  const head = linear(p.at('classifier.6'), width, config.classes, { init: headInit })
  return p.scoped((pixels: Tensor): Tensor => head(encode(pixels)))
}

/** Means over size × size windows that cover x [B, C, H, W] evenly, and overlap where H or W is not a multiple. */
function averageTo(x: Tensor, size: number): Tensor {
  const along = (t: Tensor): Tensor => {
    const n = t.shape[3]
    return n === size ? t : matmul(t, averages(n, size), { transposeB: true })
  }
  return transpose(along(transpose(along(x))))
}

/** The matrix [size, n] whose row i takes the mean of elements ⌊i n / size⌋ to ⌈(i + 1) n / size⌉. */
function averages(n: number, size: number): Tensor {
  const matrix = new Float32Array(size * n)
  for (let i = 0; i < size; i++) {
    const [start, end] = [Math.floor((i * n) / size), Math.ceil(((i + 1) * n) / size)]
    matrix.fill(1 / (end - start), i * n + start, i * n + end)
  }
  return constant(matrix, [size, n])
}

/** Reads a `config.json` with `model_type` 'vgg': the list of layers as torchvision's `cfgs` has it. */
export function vggConfig(json: unknown): VggConfig {
  const c = configFields('vgg', json)
  const layers = c.raw('layers') ?? vggSizes['VGG-16'].layers
  if (!isLayers(layers)) throw c.wrong('layers', "a list of channels and 'M', with a number in it")
  return {
    channels: c.count('num_channels', 3),
    layers,
    pool: c.count('pool', 7),
    hidden: c.count('hidden_size', 4096),
    classes: classesOf(c, 1000),
  }
}

const isLayers = (value: unknown): value is (number | 'M')[] =>
  Array.isArray(value) &&
  value.some((layer) => layer !== 'M') &&
  value.every((layer) => layer === 'M' || (Number.isSafeInteger(layer) && layer > 0))
