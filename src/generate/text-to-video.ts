import { contentWords } from '../data/words.ts'
import { type Known, pathAround } from '../diffusion/known.ts'
import { sample } from '../diffusion/sample.ts'
import { schedulerFromConfig } from '../diffusion/scheduler.ts'
import { TubeletError } from '../errors.ts'
import type { Clip } from '../files/clip.ts'
import { wanConfig, wanTransformer } from '../models/sora.ts'
import { latentFrames, spaceStride, videoVaeConfig } from '../models/video-vae.ts'
import { params, placeChannels } from '../nn/index.ts'
import { stream } from '../random.ts'
import type { Arrays, Program, Runtime } from '../runtime/runtime.ts'
import { denoiser } from './denoiser.ts'
import { clipFromPlanes } from './frames.ts'
import { latentDecoder } from './latent-decoder.ts'
import { type LatentEncoder, latentEncoder } from './latent-encoder.ts'
import { type ModelIndex, modelIndex } from './model-index.ts'
import type { ModelPart } from './model-part.ts'
import type { TextEncoder } from './text-states.ts'
import { knownLatents, type VisualPrompt } from './visual-prompt.ts'
import { checkDepths, weightsFor } from './weights.ts'

/** Everything that decides what a clip looks like; stored in the file, so that it can be drawn again. */
export interface Recipe {
  readonly prompt: string
  readonly negativePrompt: string
  readonly seed: number
  readonly steps: number // Euler steps
  readonly guidance: number // 1 asks the prompt alone; larger follows it more closely
  readonly dtype?: 'fp32' | 'int8' // of the transformer's large matrices; fp32 where absent
}

/** What happens while clips are drawn. */
export type GenerateEvent =
  | {
      readonly kind: 'prompt'
      readonly index: number
      readonly recipe: Recipe
      readonly unknown: readonly string[]
      readonly known: number
    }
  | {
      readonly kind: 'step'
      readonly index: number
      readonly step: number
      readonly steps: number
      readonly preview: () => Promise<Clip>
    }
  | { readonly kind: 'clip'; readonly index: number; readonly recipe: Recipe; readonly clip: Clip }

/** A loaded text-to-video model. */
export interface TextToVideo {
  readonly size: number // H and W of a clip, in pixels
  readonly frames: number
  readonly fps: number
  /**
   * Draws one clip for each recipe, in order, and yields what happens; an aborted signal stops between two steps. With
   * `visual`, every one is drawn from its frames as well, which are square and at most of the model's size.
   */
  generate(recipes: readonly Recipe[], signal?: AbortSignal, visual?: VisualPrompt): AsyncGenerator<GenerateEvent>
  release(): Promise<void>
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
  const { size, frames, fps, known_words: known } = modelIndex(parts.index)
  const { config: vaeConfig, latents } = videoVaeConfig(parts.vae.config)
  const side = size / spaceStride
  const shape = [vaeConfig.latentChannels, latentFrames(frames), side, side] as const
  const network = fittingTransformer(parts, shape)
  checkSchedule(scheduler)
  const decoder = await latentDecoder(runtime, { ...parts.vae, vaeConfig, latents }, shape)
  const programs = new Map<string, Promise<Program>>()
  let encoder: Promise<LatentEncoder> | undefined
  const model: LoadedModel = {
    text,
    scheduler,
    words: known && new Set(known),
    shape,
    async known(visual) {
      encoder ??= latentEncoder(runtime, parts.vae, { size, frames })
      return knownLatents(visual, await encoder, shape)
    },
    denoiser(guided, dtype = 'fp32', ofFrames = false) {
      const sizes = { batch: 1, frames: shape[1], height: side, width: side, textLength: text.length, guided, ofFrames }
      const key = `${guided} ${dtype} ${ofFrames}`
      const loaded = programs.get(key) ?? denoiser(runtime, { ...network, shape: sizes, dtype })
      programs.set(key, loaded)
      return loaded
    },
    toClip: async (z) => clipFromPlanes(await decoder.decode(z), { size: { width: size, height: size }, fps }),
  }
  return {
    ...{ size, frames, fps },
    async *generate(recipes, signal, visual) {
      const known = visual && (await model.known(visual))
      for (const [index, recipe] of recipes.entries()) yield* draw(model, recipe, { index, signal, known })
    },
    async release() {
      // A program that could not be loaded has said so to who asked for it.
      for (const loaded of await Promise.allSettled(programs.values()))
        if (loaded.status === 'fulfilled') await loaded.value.release()
      programs.clear()
      await encoder?.then((one) => one.release())
      encoder = undefined
      await decoder.release()
    },
  }
}

/** What the drawing of a clip needs. */
interface LoadedModel {
  readonly text: TextEncoder
  readonly scheduler: unknown // scheduler_config.json
  readonly words: ReadonlySet<string> | undefined // of the training
  readonly shape: readonly [channels: number, frames: number, height: number, width: number] // of the latents
  known(visual: VisualPrompt): Promise<Known>
  denoiser(guided: boolean, dtype: Recipe['dtype'], ofFrames: boolean): Promise<Program>
  toClip(latents: Float32Array): Promise<Clip>
}

/** Draws one clip and tells each step; what it looks like depends on the recipe alone. */
async function* draw(
  { text, scheduler, words, shape, ...model }: LoadedModel,
  recipe: Recipe,
  { index, signal, known }: { index: number; signal?: AbortSignal; known?: Known },
): AsyncGenerator<GenerateEvent> {
  const { prompt, seed, steps, guidance, dtype } = recipe
  const asked = [...new Set(contentWords(prompt))]
  const unknown = words ? asked.filter((word) => !words.has(word)) : []
  yield { kind: 'prompt', index, recipe, unknown, known: asked.length - unknown.length }
  const guided = guidance !== 1
  const program = await model.denoiser(guided, dtype, known !== undefined)
  const states = await conditions(text, recipe, guided)
  const given: Arrays = { text: states, ...(guided && { guidance: Float32Array.of(guidance) }) }
  const latentCount = shape.reduce((a, b) => a * b)
  const flow = schedulerFromConfig(scheduler, steps)
  const first = stream({ seed, purpose: 'latents' }).normal(latentCount)
  const path = known && pathAround(known, first, flow)
  let latents = first
  for await (const { step, x } of sample({
    scheduler: flow,
    async denoise(x, t) {
      const v = (await program.run({ x, t: path?.times(t) ?? Float32Array.of(t), ...given })).v as Float32Array
      return path?.velocity(v) ?? v
    },
    noise: (step) => stream({ seed, purpose: 'step noise', step }).normal(latentCount),
    x: path?.x ?? first,
    from: path?.from,
    signal,
  })) {
    checkFinite(x, step, steps)
    latents = x
    yield { kind: 'step', index, step, steps, preview: () => model.toClip(x) }
  }
  yield { kind: 'clip', index, recipe, clip: await model.toClip(latents) }
}

/** Text states of a recipe: [1, L, D], or [2, L, D] with those of the negative prompt where guided. */
async function conditions(
  text: TextEncoder,
  { prompt, negativePrompt }: Recipe,
  guided: boolean,
): Promise<Float32Array> {
  const rows = [await text.states(prompt), ...(guided ? [await text.states(negativePrompt)] : [])]
  const states = new Float32Array(rows.length * text.length * text.width)
  rows.forEach((row, i) => {
    states.set(row, i * row.length)
  })
  return states
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

function checkFinite(x: Float32Array, step: number, steps: number) {
  if (!x.every(Number.isFinite))
    throw new TubeletError(
      'numeric',
      `step ${step} of ${steps}: the latents are no finite numbers any more; check the weights of the transformer, or take a lower guidance`,
    )
}
