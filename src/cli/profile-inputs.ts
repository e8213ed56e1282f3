import { TubeletError } from '../errors.ts'
import { clipConfig } from '../models/clip.ts'
import { clipResNetConfig } from '../models/clip-resnet.ts'
import { ditConfig } from '../models/dit.ts'
import { navitConfig } from '../models/navit.ts'
import { resnetConfig } from '../models/resnet.ts'
import { wanConfig } from '../models/sora.ts'
import { unetConfig, unetTextConfig } from '../models/unet-config.ts'
import { type AutoencoderConfig, vaeConfig } from '../models/vae.ts'
import { vggConfig } from '../models/vgg.ts'
import { spaceStride, timeStride, videoVaeConfig } from '../models/video-vae.ts'
import { vitConfig } from '../models/vit.ts'
import { vivitConfig } from '../models/vivit.ts'
import { vqVaeConfig } from '../models/vq-vae.ts'
import { wanVaeConfig } from '../models/wan-vae-config.ts'

/** An input that stands for real ones: numbers, or whole numbers in [0, below). */
export interface ExampleInput {
  readonly shape: readonly number[]
  readonly below?: number
}

type Examples = (json: unknown, batch: number) => Record<string, ExampleInput>

const examples: Readonly<Record<string, Examples>> = {
  CLIPModel(json, B) {
    const { vision, text } = clipConfig(json)
    return {
      pixel_values: { shape: [B, vision.channels, vision.imageSize, vision.imageSize] },
      input_ids: { shape: [B, text.context], below: text.vocabulary },
    }
  },
  ViTForImageClassification(json, B) {
    const { channels, imageSize } = vitConfig(json)
    return { pixel_values: { shape: [B, channels, ...imageSize] } }
  },
  VivitForVideoClassification(json, B) {
    const { frames, channels, imageSize } = vivitConfig(json)
    return { pixel_values: { shape: [B, frames, channels, ...imageSize] } }
  },
  ResNetForImageClassification: (json, B) => ({ pixel_values: { shape: [B, resnetConfig(json).channels, 224, 224] } }),
  ModifiedResNet(json, B) {
    const { imageSize } = clipResNetConfig(json)
    return { pixel_values: { shape: [B, 3, imageSize, imageSize] } }
  },
  VGG(json, B) {
    const { channels, pool, layers } = vggConfig(json)
    const side = pool * 2 ** layers.filter((layer) => layer === 'M').length
    return { pixel_values: { shape: [B, channels, side, side] } }
  },
  NaViT(json, B) {
    const { channels, imageSize } = navitConfig(json) // a row for each picture, of the largest size
    const rows = Array.from({ length: B }, (_, row) => [`image_${row}_0`, { shape: [channels, ...imageSize] }] as const)
    return Object.fromEntries(rows)
  },
  AutoencoderKL: (json, B) => autoencoderInputs(vaeConfig(json), { json, B }),
  VQModel: (json, B) => autoencoderInputs(vqVaeConfig(json), { json, B }),
  UNet2DModel(json, B) {
    const { channels, time, labels, timeWidth } = unetConfig(json)
    const side = sampleSize(json, 32)
    return {
      sample: { shape: [B, channels, side, side] },
      timestep: { shape: [B], below: time.kind === 'learned' ? time.steps : 1000 },
      ...(labels?.kind === 'table' && { class_labels: { shape: [B], below: labels.classes } }),
      ...(labels?.kind === 'time' && { class_labels: { shape: [B], below: 1000 } }),
      ...(labels?.kind === 'vector' && { class_labels: { shape: [B, timeWidth] } }),
    }
  },
  UNet2DConditionModel(json, B) {
    const { channels, text } = unetTextConfig(json)
    const side = sampleSize(json, 64)
    return {
      sample: { shape: [B, channels, side, side] },
      timestep: { shape: [B], below: 1000 },
      encoder_hidden_states: { shape: [B, 77, text?.width ?? 1] },
    }
  },
  DiTTransformer2DModel(json, B) {
    const { channels, imageSize, classes } = ditConfig(json)
    return {
      hidden_states: { shape: [B, channels, imageSize, imageSize] },
      timestep: { shape: [B], below: 1000 },
      class_labels: { shape: [B], below: classes },
    }
  },
  AutoencoderKLWan(json, B) {
    const { channels, patchSize, multiples, halveTime, latentChannels } = wanVaeConfig(json)
    const [frames, side] = [9, 64]
    const slower = 2 ** halveTime.slice(0, multiples.length - 1).filter(Boolean).length
    const small = side / patchSize / 2 ** (multiples.length - 1)
    return {
      sample: { shape: [B, channels / patchSize ** 2, frames, side, side] },
      latent: { shape: [B, latentChannels, (frames - 1) / slower + 1, small, small] },
    }
  },
  WanTransformer3DModel(json, B) {
    const { inChannels, patchSize, textDim } = wanConfig(json)
    const grid = [9, 4, 4] // that of a clip of 17 frames of 128 × 128 under the project's autoencoder
    return {
      hidden_states: { shape: [B, inChannels, ...grid.map((n, i) => n * patchSize[i])] },
      timestep: { shape: [B], below: 1000 },
      encoder_hidden_states: { shape: [B, 24, textDim] },
    }
  },
  VideoVae(json, B) {
    const { channels, latentChannels } = videoVaeConfig(json).config
    const [frames, side] = [17, 128]
    const small = side / spaceStride
    return {
      sample: { shape: [B, frames, channels, side, side] },
      latent: { shape: [B, latentChannels, (frames - 1) / timeStride + 1, small, small] },
    }
  },
}

const sampleSize = (json: unknown, fallback: number): number => {
  const { sample_size: size } = json as { sample_size?: unknown }
  return Number.isSafeInteger(size) ? (size as number) : fallback
}

/**
 * Inputs of a published class, or of the project's own, as its config implies them; `shapes`, written NAME=2x3x32x32,
 * replace some. Throws TubeletError('usage') where one has no such name or is no shape.
 */
export function exampleInputs(
  className: string,
  json: unknown,
  { batch, shapes }: { batch: number; shapes: readonly string[] },
): Record<string, ExampleInput> {
  const found = examples[className]?.(json, batch) ?? {}
  for (const text of shapes) {
    const [name, sizes = ''] = text.split('=')
    const shape = sizes.split('x').map(Number)
    if (!Object.hasOwn(found, name))
      throw new TubeletError(
        'usage',
        `--shape: ${className} has no input '${name}'; it has ${Object.keys(found).join(', ')}`,
      )
    if (shape.some((n) => !Number.isSafeInteger(n) || n < 1) || sizes === '')
      throw new TubeletError('usage', `--shape: '${text}' must be written as ${name}=${found[name].shape.join('x')}`)
    found[name] = { ...found[name], shape }
  }
  return found
}

/** A picture and a latent of an autoencoder of pictures. */
function autoencoderInputs(
  { channels, latentChannels, widths }: AutoencoderConfig,
  { json, B }: { json: unknown; B: number },
) {
  const side = sampleSize(json, 32)
  const small = side / 2 ** (widths.length - 1)
  return { sample: { shape: [B, channels, side, side] }, latent: { shape: [B, latentChannels, small, small] } }
}
