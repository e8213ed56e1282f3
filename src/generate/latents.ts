import { createHash } from 'node:crypto'
import { premultiplied } from '../data/clip-batch.ts'
import { TubeletError } from '../errors.ts'
import { input, type Tensor } from '../graph/index.ts'
import { type VaeConfig, vae } from '../models/vae.ts'
import { type VideoVaeConfig, videoEncoder } from '../models/video-vae.ts'
import { type Params, params } from '../nn/index.ts'
import { reshape } from '../ops/index.ts'
import type { Arrays, Runtime } from '../runtime/runtime.ts'
import { type LatentCache, latentCache } from './latent-cache.ts'

/** Clips to encode: straight RGBA bytes [T, S, S, 4], by number. */
export interface LatentSource {
  readonly count: number
  readonly frames: number // odd; 1 for stills
  readonly size: number
  readonly key: string // changes with the content
  pixels(index: number): Uint8Array
}

/** An encoder as a network: declares its parameters, then clip [1, T, C, S, S] → means of the latents [1, C, ...]. */
export type LatentNetwork = (p: Params) => (clip: Tensor) => Tensor

/** The encoder of a VideoVae. */
export const videoLatents =
  (config: VideoVaeConfig): LatentNetwork =>
  (p) => {
    const encode = videoEncoder(p.at('encoder'), config)
    return (clip) => encode(clip).mean
  }

/** The encoder of an AutoencoderKL, for clips of one frame. */
export const pictureLatents =
  (config: VaeConfig): LatentNetwork =>
  (p) => {
    const { encode } = vae(p, config)
    return (clip) => encode(reshape(clip, [clip.shape[0], ...clip.shape.slice(2)])).mean
  }

/** The autoencoder that encodes. */
export interface LatentEncoder {
  readonly runtime: Runtime
  readonly network: LatentNetwork
  readonly weights: Arrays // those of the decoder may be among them
  readonly onProgress?: (done: number, count: number) => void
}

/** Where latents are kept, under the content of the clips and a name that changes with the weights. */
export interface LatentStore {
  readonly hash: string
  readonly cacheDir: string
}

/** Changes with what an encoder computes; the decoder may go on learning. */
export function encoderHash(config: object, weights: Readonly<Record<string, Float32Array>>): string {
  const hash = createHash('sha256').update(JSON.stringify(config))
  for (const name of Object.keys(weights).sort())
    if (/^(encoder|quant_conv)\./.test(name)) hash.update(`${name}\n`).update(weights[name])
  return hash.digest('hex')
}

/** Means of the latents of clips, not normalised: encoded now, or where the same weights encoded the same clips before. */
export async function encodeLatents(source: LatentSource, encoder: LatentEncoder & LatentStore): Promise<LatentCache> {
  const { mean } = graphOf(source, encoder)
  const { key, count } = source
  const shape = mean.shape.slice(1)
  const identity = { source: key, count, shape, vae: encoder.hash }
  return latentCache({ identity, count, shape, cacheDir: encoder.cacheDir }, () => encoded(source, encoder))
}

/** What turns one clip into means, and the parameters of that. */
function graphOf({ frames, size }: LatentSource, { network }: LatentEncoder) {
  const p = params()
  const mean = network(p)(input('clip', [1, frames, 4, size, size]))
  return { mean, names: [...p.all.keys()] }
}

async function* encoded(source: LatentSource, encoder: LatentEncoder): AsyncGenerator<Uint8Array> {
  const { runtime, weights, onProgress } = encoder
  const { count, frames, size } = source
  const { mean, names } = graphOf(source, encoder)
  const missing = names.find((name) => !weights[name])
  if (missing) throw new TubeletError('input', `the autoencoder's weights lack '${missing}'`)
  const constants = Object.fromEntries(names.map((name) => [name, weights[name]]))
  const program = await runtime.load({ mean }, { constants })
  const frame = { width: size, height: size }
  const plane = 4 * size * size
  try {
    for (let i = 0; i < count; i++) {
      const pixels = source.pixels(i)
      const clip = new Float32Array(frames * plane)
      for (let t = 0; t < frames; t++) {
        const [from, to] = [t * plane, (t + 1) * plane]
        premultiplied(pixels.subarray(from, to), frame, clip.subarray(from, to))
      }
      const { mean: z } = await program.run({ clip })
      onProgress?.(i + 1, count)
      yield new Uint8Array(z.buffer, z.byteOffset, z.byteLength)
    }
  } finally {
    await program.release()
  }
}

/** Mean and deviation of each channel over clips, for latents that the diffusion model sees as unit normal. */
export async function latentStatistics(source: LatentSource, encoder: LatentEncoder) {
  const [channels] = graphOf(source, encoder).mean.shape.slice(1)
  const sums = new Float64Array(channels)
  const squares = new Float64Array(channels)
  let count = 0
  for await (const bytes of encoded(source, encoder)) {
    const z = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
    const area = z.length / channels
    count += area
    for (let j = 0; j < z.length; j++) {
      const c = Math.floor(j / area)
      sums[c] += z[j]
      squares[c] += z[j] * z[j]
    }
  }
  const mean = Array.from(sums, (sum) => sum / count)
  const std = Array.from(squares, (square, c) => Math.sqrt(Math.max(1e-12, square / count - mean[c] ** 2)))
  return { mean, std }
}
