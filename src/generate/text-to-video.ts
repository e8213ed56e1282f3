import { schedulerFromConfig } from '../diffusion/scheduler.ts'
import { TubeletError } from '../errors.ts'
import { wanConfig, wanTransformer } from '../models/sora.ts'
import { latentFrames, spaceStride, videoVaeConfig } from '../models/video-vae.ts'
import { params, placeChannels } from '../nn/index.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { denoiser } from './denoiser.ts'
import { clipFromPlanes } from './frames.ts'
import { latentDecoder } from './latent-decoder.ts'
import { type LatentEncoder, latentEncoder } from './latent-encoder.ts'
import { type ModelIndex, modelIndex } from './model-index.ts'
import type { ModelPart } from './model-part.ts'
import { type GenerateEvent, type PromptModel, promptModel, type Recipe } from './prompt-model.ts'
import type { TextEncoder } from './text-states.ts'
import { knownLatents, type VisualPrompt } from './visual-prompt.ts'
import { checkDepths, weightsFor } from './weights.ts'

export type { GenerateEvent, Recipe } from './prompt-model.ts'

/** A loaded text-to-video model. */
export interface TextToVideo extends Omit<PromptModel, 'generate'> {
  readonly size: number // H and W of a clip, in pixels
  readonly frames: number
  readonly fps: number
  /**
   * Draws one clip for each recipe, in order, and yields what happens; an aborted signal stops between two steps. With
   * `visual`, every one is drawn from its frames as well, which are square and at most of the model's size.
   */
  generate(recipes: readonly Recipe[], signal?: AbortSignal, visual?: VisualPrompt): AsyncGenerator<GenerateEvent>
}

/** The parts of a text-to-video model. */
export interface VideoParts {
  readonly index: ModelIndex
  readonly transformer: ModelPart
  readonly vae: ModelPart
  readonly scheduler: unknown // scheduler_config.json
  readonly text: TextEncoder
}

/**
 * A text-to-video model from its parts; the text encoder stays the caller's. Throws TubeletError('input') where the
 * parts do not fit each other.
 */
export async function videoPipeline(parts: VideoParts, runtime: Runtime): Promise<TextToVideo> {
  const { text, scheduler } = parts
  const { size, frames, fps, known_words: words } = modelIndex(parts.index)
  const { config: vaeConfig, latents } = videoVaeConfig(parts.vae.config)
  const side = size / spaceStride
  const shape = [vaeConfig.latentChannels, latentFrames(frames), side, side] as const
  const network = fittingTransformer(parts, shape)
  checkSchedule(scheduler)
  const decoder = await latentDecoder(runtime, { ...parts.vae, vaeConfig, latents }, shape)
  let encoder: Promise<LatentEncoder> | undefined
  const model = promptModel({
    ...{ text, scheduler, words, shape },
    denoiser(guided, dtype, ofFrames) {
      const sizes = { batch: 1, frames: shape[1], height: side, width: side, textLength: text.length, guided, ofFrames }
      return denoiser(runtime, { ...network, shape: sizes, dtype })
    },
    toClip: async (z) => clipFromPlanes(await decoder.decode(z), { size: { width: size, height: size }, fps }),
    async release() {
      await encoder?.then((one) => one.release())
      encoder = undefined
      await decoder.release()
    },
  })
  return {
    ...{ size, frames, fps },
    async *generate(recipes, signal, visual) {
      if (visual) encoder ??= latentEncoder(runtime, parts.vae, { size, frames })
      const known = visual && encoder && (await knownLatents(visual, await encoder, shape))
      yield* model.generate(recipes, signal, known)
    },
    release: model.release,
  }
}

/** Config and weights of the transformer, when it reads and draws what the other parts give and take: [C, T', H, W]. */
function fittingTransformer({ transformer, text }: VideoParts, [channels, ...grid]: readonly number[]) {
  const { folder: where, arrays } = transformer
  const config = wanConfig(transformer.config)
  const { inChannels, outChannels, textDim, patchSize, ropeMaxSeqLen } = config
  const misfit = (what: string, must: string) => new TubeletError('input', `${where}: ${what}; ${must}`)
  if (![channels, channels + placeChannels].includes(inChannels) || outChannels !== channels)
    throw misfit(
      `goes from ${inChannels} to ${outChannels} channels`,
      `the autoencoder has ${channels}, and places ${placeChannels} more`,
    )
  if (textDim !== text.width) throw misfit(`reads text of width ${textDim}`, `the text encoder gives ${text.width}`)
  if (grid.some((n, axis) => n % patchSize[axis] !== 0 || n / patchSize[axis] > ropeMaxSeqLen))
    throw misfit(
      `has patches of ${patchSize.join(' × ')}, at most ${ropeMaxSeqLen} along an axis`,
      `latents of ${grid.join(' × ')} cannot be cut so`,
    )
  checkDepths(where, { num_layers: config.depth }, arrays)
  const p = params()
  wanTransformer(p, config) // declares its parameters
  return { config, weights: weightsFor(p, arrays, { where }) }
}

/** Throws where a scheduler does not walk along the velocity that the transformer predicts, or is damaged. */
function checkSchedule(config: unknown) {
  schedulerFromConfig(config, 1, { where: 'scheduler_config.json' })
  const { _class_name: name } = config as { _class_name: string }
  if (name !== 'FlowMatchEulerDiscreteScheduler')
    throw new TubeletError(
      'input',
      `scheduler_config.json: text-to-video needs a FlowMatchEulerDiscreteScheduler, not a ${name}`,
    )
}
