import type { Tensor } from '../graph/index.ts'
import type { Params, Updates } from '../nn/index.ts'
import { type ResNetConfig, resnet, resnetEncoder } from './resnet.ts'
import { type VggConfig, vgg, vggEncoder } from './vgg.ts'
import { type ViTConfig, vit, vitEncoder } from './vit.ts'

/** A network that turns pictures into vectors, without a head: the image side of CLIP, or the body of a classifier. */
export interface ImageEncoder {
  readonly width: number // D
  readonly encode: (pixels: Tensor) => Tensor // [B, C, H, W] → [B, D]
}

/** Which network, by its name. */
export type ImageEncoderConfig =
  | { readonly resnet: ResNetConfig }
  | { readonly vgg: VggConfig }
  | { readonly vit: ViTConfig }

/** How a network is built. */
export interface ImageEncoderOptions {
  /** In training: batch norms use the statistics of the batch, and the next running ones are added here. */
  readonly training?: Updates
}

/** ResNet, VGG or ViT without its head, under the names of its published classifier. */
export function imageEncoder(p: Params, config: ImageEncoderConfig, options: ImageEncoderOptions = {}): ImageEncoder {
  if ('resnet' in config) return resnetEncoder(p, config.resnet, options)
  return 'vgg' in config ? vggEncoder(p, config.vgg) : vitEncoder(p, config.vit)
}

/** ResNet, VGG or ViT with its head: pixels [B, C, H, W] → logits [B, classes]. */
export function imageClassifier(p: Params, config: ImageEncoderConfig, options: ImageEncoderOptions = {}) {
  if ('resnet' in config) return resnet(p, config.resnet, options)
  if ('vgg' in config) return vgg(p, config.vgg)
  const network = vit(p, config.vit)
  return (pixels: Tensor): Tensor => network(pixels).logits
}
