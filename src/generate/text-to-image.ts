import { schedulerFromConfig } from '../diffusion/scheduler.ts'
import { TubeletError } from '../errors.ts'
import { type UNetConfig, unet } from '../models/unet.ts'
import { unetTextConfig } from '../models/unet-config.ts'
import { params } from '../nn/index.ts'
import { orRelease } from '../runtime/release-loaded.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { clipFromPlanes } from './frames.ts'
import { guidedDenoiser } from './guided-denoiser.ts'
import { latentsToPixels, pixelsThemselves } from './latents-to-pixels.ts'
import type { ModelPart } from './model-part.ts'
import { type GenerateEvent, type PromptModel, promptModel, type Recipe } from './prompt-model.ts'
import type { TextEncoder } from './text-states.ts'
import { checkDepths, weightsFor } from './weights.ts'

/**
 * The parts of a text-to-image model: text encoder and denoiser, which then works on pixels, or an autoencoder beside
 * them, whose latents it works on (Rombach et al. 2022, figure 3).
 */
export interface ImageParts {
  readonly size: number // H and W of a picture, in pixels
  readonly text: TextEncoder
  readonly unet: ModelPart // UNet2DConditionModel
  readonly scheduler: unknown // scheduler_config.json
  readonly vae?: ModelPart // AutoencoderKL
  readonly words?: readonly string[] // words of the training
}

/** A loaded text-to-image model; a picture is a clip of one frame. */
export interface TextToImage extends Pick<PromptModel, 'release'> {
  readonly size: number
  /** Draws one picture for each recipe, in order, and yields what happens; an aborted signal stops between two steps. */
  generate(recipes: readonly Recipe[], signal?: AbortSignal): AsyncGenerator<GenerateEvent>
}

/**
 * A text-to-image model from its parts; the text encoder stays the caller's. Throws TubeletError('input') where the parts
 * do not fit each other.
 */
export async function imagePipeline(parts: ImageParts, runtime: Runtime): Promise<TextToImage> {
  const { size, text, scheduler, words } = parts
  schedulerFromConfig(scheduler, 1)
  const config = unetTextConfig(parts.unet.config)
  const decoder = parts.vae ? await latentsToPixels(runtime, parts.vae, size) : pixelsThemselves(config.channels, size)
  const { shape } = decoder
  const weights = await orRelease(decoder, async () => fittingWeights(parts, config, shape))
  const model = promptModel({
    ...{ text, scheduler, words, shape },
    denoiser: (guided) =>
      guidedDenoiser(runtime, {
        build(p) {
          const predict = unet(p, config)
          return (x, t, { text }) => predict(x, t, { text })
        },
        ...{ weights, shape: [1, ...shape], told: { text: { shape: [text.length, text.width] } }, guided },
      }),
    toClip: async (x) =>
      clipFromPlanes(rgba(await decoder.pixels(x), size), { size: { width: size, height: size }, fps: 0 }),
    release: decoder.release,
  })
  return { size, ...model }
}

/** Weights of the denoiser, when it reads and draws what the other parts give and take: x [C, H, W]. */
function fittingWeights({ unet: network, text, vae }: ImageParts, config: UNetConfig, shape: readonly number[]) {
  const misfit = (what: string, must: string) => new TubeletError('input', `${network.folder}: ${what}; ${must}`)
  if (config.channels !== shape[0] || config.outChannels !== shape[0])
    throw misfit(
      `goes from ${config.channels} to ${config.outChannels} channels`,
      `the ${vae ? 'autoencoder has' : 'pictures have'} ${shape[0]}`,
    )
  if (config.text?.width !== text.width)
    throw misfit(`reads text of width ${config.text?.width}`, `the text encoder gives ${text.width}`)
  const factor = 2 ** (config.widths.length - 1)
  if (shape[1] % factor !== 0)
    throw misfit(
      `halves the sides ${config.widths.length - 1} times`,
      `${shape[1]} × ${shape[1]} cannot be halved so often`,
    )
  checkDepths(network.folder, { layers_per_block: config.depth }, network.arrays)
  const p = params()
  unet(p, config) // declares its parameters
  return weightsFor(p, network.arrays, { where: network.folder })
}

/** Planes of grey, colours, or premultiplied colours and alpha, as the last. */
function rgba(pixels: Float32Array, size: number): Float32Array {
  const plane = size * size
  const channels = pixels.length / plane
  if (channels === 4) return pixels
  const out = new Float32Array(4 * plane).fill(1)
  for (let c = 0; c < 3; c++) {
    const from = channels === 1 ? 0 : c * plane
    out.set(pixels.subarray(from, from + plane), c * plane)
  }
  return out
}
