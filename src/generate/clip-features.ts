import type { Tokenizer } from '../data/tokenizer.ts'
import { TubeletError } from '../errors.ts'
import type { Clip } from '../files/clip.ts'
import { input } from '../graph/index.ts'
import { type ClipConfig, clipConfig, clip as clipModel } from '../models/clip.ts'
import { params } from '../nn/index.ts'
import { orRelease } from '../runtime/release-loaded.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { framesOnWhite } from './frames-on-white.ts'
import type { ModelPart } from './model-part.ts'
import { checkTokenizer } from './text-states.ts'
import { checkDepths, weightsFor } from './weights.ts'
import { meanDirection } from './zero-shot.ts'

/** The image side of a CLIP model: pictures and clips as points of length 1 in the space that it shares with texts. */
export interface ImageFeatures {
  readonly width: number // P
  /** The embedding of a clip [P]: the mean over frames evenly over the loop, at most `looks` (4), at length 1 again. */
  ofClip(clip: Clip, looks?: number): Promise<Float32Array>
  release(): Promise<void>
}

/** The text side of a CLIP model. */
export interface TextFeatures {
  readonly width: number // P
  /** The embedding of a text [P], of length 1. */
  ofText(text: string): Promise<Float32Array>
  release(): Promise<void>
}

/** Clips and texts as points of length 1 in the space that CLIP gives both. */
export interface ClipFeatures extends ImageFeatures, TextFeatures {
  readonly scale: number // e^s, by which cosines become logits
}

/** The image side of a CLIP model that was read; the text side is not loaded. */
export async function imageFeatures(part: ModelPart, runtime: Runtime): Promise<ImageFeatures> {
  const { config, network, constants } = declared(part)
  const size = imageSide(part, config)
  const picture = network.image(input('pixels', [1, 3, size, size])).embedding
  const program = await runtime.load({ picture }, { constants })
  return {
    width: config.projection,
    async ofClip(clip, looks = 4) {
      const count = Math.min(looks, clip.count)
      const seen: Float32Array[] = []
      for (let k = 0; k < count; k++) {
        const pixels = framesOnWhite(clip, [Math.floor((k * clip.count) / count)], size)
        seen.push(Float32Array.from((await program.run({ pixels })).picture as Float32Array))
      }
      return meanDirection(seen)
    },
    release: () => program.release(),
  }
}

/** Side of the pictures that a CLIP looks at, in pixels. */
export function imageSide({ folder }: ModelPart, { vision: { imageSize, channels } }: ClipConfig): number {
  if (channels !== 3) throw new TubeletError('input', `${folder}: looks at ${channels} channels; pictures have 3`)
  return imageSize
}

/** The text side of a CLIP model that was read; the image side is not loaded. */
export async function textFeatures(part: ModelPart, words: Tokenizer, runtime: Runtime): Promise<TextFeatures> {
  const { config, network, constants } = declared(part)
  const { context } = config.text
  checkTokenizer(part.folder, words, config.text)
  const text = network.text(input('ids', [1, context], 'int32')).embedding
  const program = await runtime.load({ text }, { constants })
  return {
    width: config.projection,
    ofText: async (text) =>
      Float32Array.from((await program.run({ ids: words.encode(text, context) })).text as Float32Array),
    release: () => program.release(),
  }
}

/** Both sides of a CLIP model that was read. */
export async function clipFeatures(part: ModelPart, words: Tokenizer, runtime: Runtime): Promise<ClipFeatures> {
  const images = await imageFeatures(part, runtime)
  const texts = await orRelease(images, () => textFeatures(part, words, runtime))
  return {
    ...{ width: images.width, scale: Math.exp(part.arrays.logit_scale.data[0]) },
    ...{ ofClip: images.ofClip, ofText: texts.ofText },
    async release() {
      await images.release()
      await texts.release()
    },
  }
}

/** The network of both sides and its weights, each tensor of the file checked; a program takes what it computes with. */
export function declared({ folder: where, config: json, arrays }: ModelPart) {
  const config = clipConfig(json)
  checkDepths(where, { num_hidden_layers: Math.max(config.vision.depth, config.text.depth) }, arrays)
  const p = params()
  const network = clipModel(p, config)
  network.scale() // declared with the rest of the file
  return { config, network, constants: weightsFor(p, arrays, { where }) }
}
