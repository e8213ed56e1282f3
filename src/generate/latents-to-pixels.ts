import { TubeletError } from '../errors.ts'
import { constant, input } from '../graph/index.ts'
import { latentScaling, vae, vaeConfig } from '../models/vae.ts'
import { params } from '../nn/index.ts'
import { add, mul } from '../ops/index.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { ModelPart } from './model-part.ts'
import { checkDepths, weightsFor } from './weights.ts'

/** What makes pixels [C, H, W] in [−1, 1] of x. */
export interface PixelDecoder {
  readonly shape: readonly [channels: number, height: number, width: number] // of x
  pixels(x: Float32Array): Promise<Float32Array>
  release(): Promise<void>
}

/** Where the denoiser works on pixels, there is nothing to decode. */
export const pixelsThemselves = (channels: number, size: number): PixelDecoder => {
  checkChannels('the pictures', channels)
  return { shape: [channels, size, size], pixels: async (x) => x, release: async () => {} }
}

/** The decoder of an AutoencoderKL, behind the opposite of `latentScaling`. */
export async function latentsToPixels(runtime: Runtime, part: ModelPart, size: number): Promise<PixelDecoder> {
  const config = vaeConfig(part.config)
  const { latentChannels, widths, outChannels } = config
  checkChannels(part.folder, outChannels)
  const factor = 2 ** (widths.length - 1)
  if (size % factor !== 0)
    throw new TubeletError('input', `${part.folder}: makes sides ${factor} times as long; ${size} is no multiple of it`)
  const side = size / factor
  checkDepths(part.folder, { layers_per_block: config.depth }, part.arrays)
  const p = params()
  const { decode } = vae(p, config)
  const constants = weightsFor(p, part.arrays, { where: part.folder })
  const { shift, scale } = latentScaling(config)
  const perChannel = (values: readonly number[]) => constant(Float32Array.from(values), [latentChannels, 1, 1])
  const seen = input('z', [1, latentChannels, side, side])
  const z = add(mul(seen, perChannel(scale.map((factor) => 1 / factor))), perChannel(shift))
  const program = await runtime.load({ y: decode(z) }, { constants })
  return {
    shape: [latentChannels, side, side],
    pixels: async (x) => (await program.run({ z: x })).y as Float32Array,
    release: () => program.release(),
  }
}

function checkChannels(where: string, channels: number) {
  if (![1, 3, 4].includes(channels))
    throw new TubeletError('input', `${where}: ${channels} channels; a picture has 1, 3 or 4`)
}
