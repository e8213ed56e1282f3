import { ShapeError, type Tensor } from '../graph/index.ts'
import { type Params, patches, wholePatches } from '../nn/index.ts'
import { transpose } from '../ops/index.ts'
import { classesOf, configFields } from './config-fields.ts'
import { type Classified, type EncoderConfig, encoderFields, tokenClassifier } from './vit.ts'

/**
 * ViViT, a video vision transformer (Arnab et al. 2021, arXiv:2103.15691), model 1: joint attention over all space-time
 * tokens; class VivitForVideoClassification of transformers.
 */
export interface ViViTConfig extends EncoderConfig {
  readonly frames: number // T
  readonly imageSize: readonly [height: number, width: number]
  readonly tubelet: readonly [frames: number, height: number, width: number] // what becomes one token
  readonly channels: number
  readonly classes: number
}

const published = {
  activation: 'gelu_fast',
  qkvBias: true,
  eps: 1e-6,
  frames: 32,
  imageSize: [224, 224],
  tubelet: [2, 16, 16],
  channels: 3,
  classes: 400,
} as const

/** Section 4.1 of Arnab et al. 2021: the backbones of ViT, 32 frames, classes of Kinetics-400. */
export const vivitSizes = {
  'ViViT-B/16x2': { ...published, width: 768, depth: 12, heads: 12, hidden: 3072 },
  'ViViT-L/16x2': { ...published, width: 1024, depth: 24, heads: 16, hidden: 4096 },
} satisfies Record<string, ViViTConfig>

/** The classifier: pixels [B, T, C, H, W] → states of all tokens and logits. */
export function vivit(p: Params, config: ViViTConfig) {
  const { width, channels, frames, imageSize, tubelet } = config
  const clip = [frames, ...imageSize]
  const tokens = tubelet.reduce((n, size, i) => n * Math.floor(clip[i] / size), 1)
  const embedding = p.at('vivit.embeddings.patch_embeddings.projection')
  const embed = patches(embedding, { channels, width, patch: tubelet })
  const classify = tokenClassifier(p, config, { trunk: 'vivit', tokens })
  return p.scoped((pixels: Tensor): Classified => {
    const want = [frames, channels, ...imageSize]
    if (pixels.shape.slice(1).join() !== want.join())
      throw new ShapeError('vivit', `pixels must be [B, ${want.join(', ')}]`, { pixels })
    return classify(embed(wholePatches(transpose(pixels, [0, 2, 1, 3, 4]), tubelet)))
  })
}

/**
 * Central-frame initialisation (section 3.4, equation 9): the patch embedding of an image model [D, C, h, w] becomes a
 * tubelet embedding [D, C, frames, h, w] that reads only the middle frame.
 */
export function centralFrame(weight: Float32Array, patch: number, frames: number): Float32Array {
  if (weight.length % patch !== 0)
    throw new ShapeError('centralFrame', 'patch must be the elements h · w of one kernel', {
      weight: weight.length,
      patch,
    })
  const inflated = new Float32Array(weight.length * frames)
  const middle = Math.floor(frames / 2)
  for (let i = 0; i < weight.length / patch; i++)
    inflated.set(weight.subarray(i * patch, (i + 1) * patch), (i * frames + middle) * patch)
  return inflated
}

/** Reads the `config.json` of a VivitForVideoClassification. */
export function vivitConfig(json: unknown): ViViTConfig {
  const c = configFields('VivitForVideoClassification', json)
  return {
    ...encoderFields(c, vivitSizes['ViViT-B/16x2']),
    frames: c.count('num_frames', 32),
    imageSize: c.counts('image_size', [224, 224], 2) as [number, number],
    tubelet: c.counts('tubelet_size', [2, 16, 16], 3) as [number, number, number],
    channels: c.count('num_channels', 3),
    classes: classesOf(c),
  }
}
