import { TubeletError } from '../errors.ts'
import { wanConfig, wanTransformer } from '../models/sora.ts'
import { videoVaeConfig } from '../models/video-vae.ts'
import { params, placeChannels } from '../nn/index.ts'
import { loadOnce } from '../runtime/load-once.ts'
import { orRelease } from '../runtime/release-loaded.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { type ClipSize, drawnSize, latentGrid } from './clip-size.ts'
import { denoiser } from './denoiser.ts'
import { flowSchedule } from './flow-schedule.ts'
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

/** How a clip is drawn where nothing else is asked for (docs/decisions/013). */
export const usualDrawing = { steps: 8, guidance: 2 } as const

/** A loaded text-to-video model. */
export interface TextToVideo extends Omit<PromptModel, 'generate'>, ClipSize {
  readonly fps: number
  /** Size and length of the clips of its training; it has seen no others. */
  readonly trainedOn: ClipSize
  /**
   * Draws one clip for each recipe, in order, and yields what happens; an aborted signal stops between two steps. With
   * `visual`, every one is drawn from its frames as well, which have the shape of what is drawn and are no larger.
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
 * A text-to-video model from its parts, for clips of its own size or of another; the text encoder stays the caller's.
 * Throws TubeletError('input') where the parts do not fit each other, and 'usage' where the size cannot be drawn.
 */
export async function videoPipeline(
  parts: VideoParts,
  runtime: Runtime,
  asked: Partial<ClipSize> = {},
): Promise<TextToVideo> {
  const { text } = parts
  const { size: side, frames: length, fps: speed, known_words: words } = modelIndex(parts.index)
  const { config: vaeConfig, latents } = videoVaeConfig(parts.vae.config)
  const trainedOn = { width: side, height: side, frames: length }
  const network = fittingTransformer(parts, [vaeConfig.latentChannels, ...latentGrid(trainedOn)])
  const size = drawnSize(asked, trainedOn, network.config)
  const { width, height, frames } = size
  const shape = [vaeConfig.latentChannels, ...latentGrid(size)] as const
  // Places tell a loop, which lasts as long in whatever number of frames (docs/decisions/007).
  const fps = network.config.inChannels > shape[0] ? speed * (frames / length) : speed
  const scheduler = flowSchedule(parts.scheduler, latentsOf(size) / latentsOf(trainedOn))
  const decoder = await latentDecoder(runtime, { ...parts.vae, vaeConfig, latents }, shape)
  const encoders = loadOnce<LatentEncoder>()
  const loadEncoder = () => {
    const [frames] = network.config.patchSize
    if (frames > 1)
      throw new TubeletError(
        'input',
        `${parts.transformer.folder}: its patches hold ${frames} latent frames each, so it cannot draw from a picture or clip`,
      )
    return encoders.get('encoder', () => latentEncoder(runtime, parts.vae, size))
  }
  const model = promptModel({
    ...{ text, scheduler, words, shape },
    denoiser(guided, dtype, ofFrames) {
      const [, frames, height, width] = shape
      const sizes = { batch: 1, frames, height, width, textLength: text.length, guided, ofFrames }
      return denoiser(runtime, { ...network, shape: sizes, dtype })
    },
    toClip: async (z) => clipFromPlanes(await decoder.decode(z), { size, fps }),
    async release() {
      await encoders.release()
      await decoder.release()
    },
  })
  return {
    ...{ width, height, frames, fps, trainedOn },
    async *generate(recipes, signal, visual) {
      const known = visual && (await knownLatents(visual, await loadEncoder(), shape))
      yield* model.generate(recipes, signal, known)
    },
    release: model.release,
  }
}

/** A model that has its text encoder for itself: released with it, and also where the rest cannot be loaded. */
export async function owningText(text: TextEncoder, load: () => Promise<TextToVideo>): Promise<TextToVideo> {
  const model = await orRelease(text, load)
  return {
    ...model,
    async release() {
      await model.release()
      await text.release()
    },
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

const latentsOf = (size: ClipSize): number => latentGrid(size).reduce((a, b) => a * b)
