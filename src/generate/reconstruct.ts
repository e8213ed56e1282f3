import { premultiplied } from '../data/clip-batch.ts'
import { TubeletError } from '../errors.ts'
import { type Clip, frameOf } from '../files/clip.ts'
import { input } from '../graph/index.ts'
import { videoDecoder, videoEncoder, videoVaeConfig } from '../models/video-vae.ts'
import { params } from '../nn/index.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { clipFromPlanes } from './frames.ts'
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
      const { y } = await program.run({ clip: planesOf(clip, size) })
      return clipFromPlanes(y as Float32Array, { size: { width: size, height: size }, fps: clip.fps })
    },
    release: () => program.release(),
  }
}

/** A square clip as premultiplied planes [T, 4, S, S] in [−1, 1]. */
function planesOf(clip: Clip, size: number): Float32Array {
  const planes = new Float32Array(clip.count * 4 * size * size)
  const own = new Float32Array(4 * clip.width ** 2)
  for (let t = 0; t < clip.count; t++) {
    const to = planes.subarray(t * 4 * size * size, (t + 1) * 4 * size * size)
    premultiplied(frameOf(clip, t), clip.width, clip.width === size ? to : own)
    if (clip.width !== size) enlarge(own, to, { from: clip.width, size })
  }
  return planes
}

/** Planes [C, from, from] → [C, S, S] by linear interpolation between the centres of pixels. */
export function enlarge(planes: Float32Array, out: Float32Array, { from, size }: { from: number; size: number }) {
  const at = Array.from({ length: size }, (_, i) => {
    const place = Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / size - 0.5))
    const low = Math.floor(place)
    return { low, high: Math.min(from - 1, low + 1), part: place - low }
  })
  for (let c = 0; c < planes.length / from ** 2; c++)
    for (let y = 0; y < size; y++)
      for (let x = 0; x < size; x++) {
        const row = (v: number) => {
          const begin = (c * from + v) * from
          return planes[begin + at[x].low] * (1 - at[x].part) + planes[begin + at[x].high] * at[x].part
        }
        out[(c * size + y) * size + x] = row(at[y].low) * (1 - at[y].part) + row(at[y].high) * at[y].part
      }
}
