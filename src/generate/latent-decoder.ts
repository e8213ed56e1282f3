import { TubeletError } from '../errors.ts'
import { input } from '../graph/index.ts'
import { type LatentStatistics, type VideoVaeConfig, videoDecoder } from '../models/video-vae.ts'
import { params } from '../nn/index.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { ModelPart } from './model-part.ts'
import { checkDepths, weightsFor } from './weights.ts'

/** Turns what the transformer draws into pixels. */
export interface LatentDecoder {
  /** Normalised latents [C, T', H, W] → premultiplied RGBA planes [T, 4, 16 H, 16 W] in [−1, 1]. */
  decode(z: Float32Array): Promise<Float32Array>
  release(): Promise<void>
}

/** The autoencoder's decoder for latents of one shape [C, T', H, W]. */
export async function latentDecoder(
  runtime: Runtime,
  vae: ModelPart & { readonly vaeConfig: VideoVaeConfig; readonly latents: LatentStatistics },
  shape: readonly number[],
): Promise<LatentDecoder> {
  const { vaeConfig, latents, arrays, folder: where } = vae
  if (vaeConfig.channels !== 4)
    throw new TubeletError(
      'input',
      `${where}: draws ${vaeConfig.channels} channels; a clip has 4, red, green, blue, alpha`,
    )
  checkDepths(where, { decoder_depth: vaeConfig.decoderDepth, fine_depth: vaeConfig.fineDepth }, arrays)
  const p = params()
  const network = videoDecoder(p.at('decoder'), vaeConfig)
  const constants = weightsFor(p, arrays, { where, spare: /^encoder\./ }) // before any array of the claimed sizes is made
  const program = await runtime.load({ y: network(input('z', [1, ...shape])) }, { constants })
  const plane = shape.slice(1).reduce((a, b) => a * b)
  return {
    async decode(z) {
      const raw = z.map((value, i) => value * latents.std[Math.floor(i / plane)] + latents.mean[Math.floor(i / plane)])
      return (await program.run({ z: raw })).y as Float32Array
    },
    release: () => program.release(),
  }
}
