import { join } from 'node:path'
import type { LabelledPictures } from '../data/labelled-pictures.ts'
import { TubeletError } from '../errors.ts'
import { dataOf } from '../files/arrays.ts'
import { isThere } from '../files/disk.ts'
import { cacheFolder } from '../files/packages.ts'
import { latentScaling, vaeConfig } from '../models/vae.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { encodeLatents, encoderHash, type LatentSource, pictureLatents } from './latents.ts'
import { readPart } from './model-folder.ts'
import type { ModelPart } from './model-part.ts'

/** Some frames of clips, each as a picture of its own. */
export interface FramePictures extends LatentSource {
  clipOf(picture: number): number
}

/** The first frame of each clip, and each `every` frames later. */
export function framePictures(clips: LatentSource, every: number): FramePictures {
  const { size, frames } = clips
  const each = Math.ceil(frames / every)
  const frame = 4 * size * size
  let last: { clip: number; bytes: Uint8Array } | undefined // pictures are mostly read in order
  const clipOf = (picture: number) => Math.floor(picture / each)
  return {
    ...{ size, frames: 1, count: each * clips.count, key: `${clips.key} every ${every}`, clipOf },
    pixels(picture) {
      const clip = clipOf(picture)
      if (last?.clip !== clip) last = { clip, bytes: clips.pixels(clip) }
      const from = (picture % each) * every * frame
      return last.bytes.slice(from, from + frame)
    },
  }
}

/** The AutoencoderKL of a model folder. Throws TubeletError('usage') where there is none, and tells how to train one. */
export async function readPictureVae(folder: string): Promise<ModelPart> {
  if (!(await isThere(join(folder, 'vae'))))
    throw new TubeletError(
      'usage',
      `${folder}: no autoencoder there; train one with 'tubelet train emoji-kl-f4', and name its run with --model`,
    )
  return readPart(folder, 'vae', 'AutoencoderKL')
}

/** How pictures are encoded. */
export interface EncodedPicturesOptions {
  readonly vae: ModelPart // AutoencoderKL
  readonly runtime: Runtime
  readonly onProgress?: (done: number, count: number) => void
}

/**
 * Pictures in memory as a denoiser sees them, by `latentScaling` of the means z of an AutoencoderKL, which are computed once and
 * kept in the user's cache folder.
 */
export async function encodedPictures(
  pictures: LatentSource,
  { vae, runtime, onProgress }: EncodedPicturesOptions,
): Promise<Pick<LabelledPictures, 'count' | 'shape' | 'pixels'>> {
  const config = vaeConfig(vae.config)
  const weights = dataOf(vae.arrays)
  const store = { hash: encoderHash(config, weights), cacheDir: join(cacheFolder(), 'latents') }
  const network = pictureLatents(config)
  const cache = await encodeLatents(pictures, { runtime, network, weights, ...store, onProgress })
  const [channels, height, width] = cache.shape
  const size = channels * height * width
  const pixels = new Float32Array(cache.count * size)
  for (let i = 0; i < cache.count; i++) pixels.set(cache.latents(i), i * size)
  cache.close()
  const { shift, scale } = latentScaling(config)
  for (let i = 0; i < pixels.length; i++) {
    const c = Math.floor(i / (height * width)) % channels
    pixels[i] = (pixels[i] - shift[c]) * scale[c]
  }
  return { count: cache.count, shape: [channels, height, width], pixels }
}
