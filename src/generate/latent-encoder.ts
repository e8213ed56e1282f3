import { TubeletError } from '../errors.ts'
import type { Clip } from '../files/clip.ts'
import { input } from '../graph/index.ts'
import { videoEncoder, videoVaeConfig } from '../models/video-vae.ts'
import { params } from '../nn/index.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { ClipSize } from './clip-size.ts'
import { planesOf } from './frames.ts'
import type { ModelPart } from './model-part.ts'
import { checkDepths, weightsFor } from './weights.ts'

/** Turns pixels into what the transformer reads. */
export interface LatentEncoder {
  /** A clip of `frames` frames, enlarged if it is smaller and of the same shape → normalised latents [C, T', H, W]. */
  encode(clip: Clip): Promise<Float32Array>
  release(): Promise<void>
}

/** The autoencoder's encoder for clips of one size; the latents are the means. */
export async function latentEncoder(
  runtime: Runtime,
  vae: ModelPart,
  { width, height, frames }: ClipSize,
): Promise<LatentEncoder> {
  const { folder: where, arrays } = vae
  const { config, latents } = videoVaeConfig(vae.config)
  checkDepths(where, { encoder_depth: config.encoderDepth }, arrays)
  const p = params()
  const network = videoEncoder(p.at('encoder'), config)
  const constants = weightsFor(p, arrays, { where, spare: /^decoder\./ })
  const program = await runtime.load({ z: network(input('clip', [1, frames, 4, height, width])).mean }, { constants })
  return {
    async encode(clip) {
      if (clip.count !== frames || clip.width * height !== clip.height * width || clip.width > width)
        throw new TubeletError(
          'usage',
          `encode: the clip must be ${width} × ${height}, or smaller and of the same shape, and of ${frames} frames (got ${clip.count} of ${clip.width} × ${clip.height})`,
        )
      const z = (await program.run({ clip: planesOf(clip, { width, height }) })).z as Float32Array
      const plane = z.length / config.latentChannels
      return z.map((value, i) => {
        const c = Math.floor(i / plane)
        return (value - latents.mean[c]) / latents.std[c]
      })
    },
    release: () => program.release(),
  }
}
