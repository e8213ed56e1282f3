import { TubeletError } from '../errors.ts'
import type { Clip } from '../files/clip.ts'
import { input } from '../graph/index.ts'
import { videoDecoder, videoEncoder, videoVaeConfig } from '../models/video-vae.ts'
import { params } from '../nn/index.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { clipFromPlanes, planesOf } from './frames.ts'
import type { ModelPart } from './model-part.ts'
import { checkDepths, weightsFor } from './weights.ts'

/** Sends clips through an autoencoder. */
export interface Reconstructor {
  /** What comes back of a square clip, at the size of the model; a smaller one is enlarged first. */
  reconstruct(clip: Clip): Promise<Clip>
  release(): Promise<void>
}

/** Encoder and decoder of an autoencoder that was read, for clips of one size; the latents are the means. */
export async function reconstructor(
  part: ModelPart,
  { size, frames }: { size: number; frames: number },
  runtime: Runtime,
): Promise<Reconstructor> {
  const { folder: where, arrays } = part
  const { config } = videoVaeConfig(part.config)
  const { encoderDepth, decoderDepth, fineDepth } = config
  checkDepths(where, { encoder_depth: encoderDepth, decoder_depth: decoderDepth, fine_depth: fineDepth }, arrays)
  const p = params()
  const encode = videoEncoder(p.at('encoder'), config)
  const decode = videoDecoder(p.at('decoder'), config)
  const constants = weightsFor(p, arrays, { where })
  const y = decode(encode(input('clip', [1, frames, 4, size, size])).mean)
  const program = await runtime.load({ y }, { constants })
  return {
    async reconstruct(clip) {
      if (clip.count !== frames || clip.width !== clip.height)
        throw new TubeletError(
          'usage',
          `reconstruct: the clip must be square and of ${frames} frames (got ${clip.count} of ${clip.width} × ${clip.height})`,
        )
      const { y } = await program.run({ clip: planesOf(clip, { width: size, height: size }) })
      return clipFromPlanes(y as Float32Array, { size: { width: size, height: size }, fps: clip.fps })
    },
    release: () => program.release(),
  }
}
