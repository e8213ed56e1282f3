import type { Tensor } from '../graph/index.ts'
import { conv2d, groupNorm, normal, type Params } from '../nn/index.ts'
import { leakyRelu } from '../ops/index.ts'

/** The discriminator of patches of Isola et al. 2017 (arXiv:1611.07004, section 3.2.2 and appendix 6.1.2). */
export interface PatchDiscriminatorConfig {
  readonly channels: number // of the picture
  readonly width: number // channels behind the first convolution; they double up to 8 times as many
  readonly depth: number // convolutions that halve the size; 3 for patches of 70 × 70
}

/**
 * Says of every patch how real it looks: x [B, C, H, W] → [B, 1, h, w]; 4 × 4 convolutions under the names of the
 * published NLayerDiscriminator. Each picture is normalised alone (instance norm, what batch norm is for one picture a
 * batch, as the paper trains), so that one picture's answer does not depend on the others.
 */
export function patchDiscriminator(p: Params, { channels, width, depth }: PatchDiscriminatorConfig) {
  const window = { kernel: 4, padding: 1, init: normal(0.02) }
  const first = conv2d(p.at('main.0'), channels, width, { ...window, stride: 2 })
  const blocks = Array.from({ length: depth }, (_, i) => {
    const [from, to] = [i, i + 1].map((level) => width * Math.min(2 ** level, 8))
    const conv = conv2d(p.at(`main.${3 * i + 2}`), from, to, { ...window, stride: i < depth - 1 ? 2 : 1, bias: false })
    const norm = groupNorm(p.at(`main.${3 * i + 3}`), to, { groups: to, eps: 1e-5 })
    return (x: Tensor): Tensor => leaky(norm(conv(x)))
  })
  const last = conv2d(p.at(`main.${3 * depth + 2}`), width * Math.min(2 ** depth, 8), 1, window)
  return p.scoped((x: Tensor): Tensor => last(blocks.reduce((y, block) => block(y), leaky(first(x)))))
}

const leaky = (x: Tensor): Tensor => leakyRelu(x, 0.2)
