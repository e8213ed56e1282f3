import { contentWords } from '../data/words.ts'
import { sample } from '../diffusion/sample.ts'
import { schedulerFromConfig } from '../diffusion/scheduler.ts'
import { TubeletError } from '../errors.ts'
import type { Clip } from '../files/clip.ts'
import { input } from '../graph/index.ts'
import { wanConfig } from '../models/sora.ts'
import {
  type LatentStatistics,
  latentFrames,
  spaceStride,
  type VideoVaeConfig,
  videoDecoder,
  videoVaeConfig,
} from '../models/video-vae.ts'
import { params } from '../nn/index.ts'
import { stream } from '../random.ts'
import type { Program, Runtime } from '../runtime/runtime.ts'
import { denoiser } from './denoiser.ts'
import { clipFromPlanes } from './frames.ts'
import type { ModelPart } from './model-part.ts'
import type { TextEncoder } from './text-states.ts'
import { weightsFor } from './weights.ts'

/** Everything that decides what a clip looks like; stored in the file, so that it can be drawn again. */
export interface Recipe {
  readonly prompt: string
  readonly negativePrompt: string
  readonly seed: number
  readonly steps: number // Euler steps
  readonly guidance: number // 1 asks the prompt alone; larger follows it more closely
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
  /** Draws one clip for each recipe, in order, and yields what happens; an aborted signal stops between two steps. */
  generate(recipes: readonly Recipe[], signal?: AbortSignal): AsyncGenerator<GenerateEvent>
  release(): Promise<void>
}

/** What the `model_index.json` of a text-to-video folder says beside its parts. */
export interface ModelIndex {
  readonly size?: number // H and W of a clip, in pixels
  readonly frames?: number
  readonly fps?: number
  readonly known_words?: readonly string[]
}

/** The parts of a text-to-video model. */
export interface VideoParts {
  readonly index: ModelIndex
  readonly transformer: ModelPart
  readonly vae: ModelPart
  readonly scheduler: unknown // scheduler_config.json
  readonly text: TextEncoder
}

/** A text-to-video model from its parts; the text encoder stays the caller's. */
export async function videoPipeline(
  { index, transformer, vae, scheduler: schedulerConfig, text }: VideoParts,
  runtime: Runtime,
): Promise<TextToVideo> {
  const { size = 128, frames = 17, fps = 12, known_words: known } = index
  const { config, latents } = videoVaeConfig(vae.config)
  const side = size / spaceStride
  const shape = [config.latentChannels, latentFrames(frames), side, side] as const
  const decode = await decoder(runtime, { config, latents, vae, shape })
  const programs = new Map<boolean, Promise<Program>>() // by whether guided
  const denoise = (guided: boolean) => {
    const loaded = programs.get(guided) ?? loadDenoiser(runtime, { transformer, shape, text, guided })
    programs.set(guided, loaded)
    return loaded
  }
  const words = new Set(known)
  const toClip = async (z: Float32Array) =>
    clipFromPlanes(await decode.run(z), { size: { width: size, height: size }, fps })

  async function* generate(recipes: readonly Recipe[], signal?: AbortSignal): AsyncGenerator<GenerateEvent> {
    for (const [at, recipe] of recipes.entries()) {
      const asked = [...new Set(contentWords(recipe.prompt))]
      const unknown = known ? asked.filter((word) => !words.has(word)) : []
      yield { kind: 'prompt', index: at, recipe, unknown, known: asked.length - unknown.length }
      const guided = recipe.guidance !== 1
      const program = await denoise(guided)
      const states = await conditions(text, recipe, guided)
      const scheduler = schedulerFromConfig(schedulerConfig, recipe.steps)
      const count = shape.reduce((a, b) => a * b)
      const noise = stream({ seed: recipe.seed, purpose: 'latents' }).normal(count)
      const velocity = async (x: Float32Array, t: number) => {
        const feeds = {
          x,
          t: Float32Array.of(t),
          text: states,
          ...(guided ? { guidance: Float32Array.of(recipe.guidance) } : {}),
        }
        return (await program.run(feeds)).v as Float32Array
      }
      let x = noise
      for await (const state of sample({ scheduler, denoise: velocity, x: noise, signal })) {
        x = state.x
        const shown = x
        yield { kind: 'step', index: at, step: state.step, steps: recipe.steps, preview: () => toClip(shown) }
      }
      yield { kind: 'clip', index: at, recipe, clip: await toClip(x) }
    }
  }
  return {
    size,
    frames,
    fps,
    generate,
    async release() {
      for (const program of programs.values()) await (await program).release()
      await decode.release()
    },
  }
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

interface DenoiserParts {
  readonly transformer: ModelPart
  readonly shape: readonly [channels: number, frames: number, height: number, width: number]
  readonly text: TextEncoder
  readonly guided: boolean
}

async function loadDenoiser(runtime: Runtime, { transformer, shape, text, guided }: DenoiserParts): Promise<Program> {
  const config = wanConfig(transformer.config)
  const [channels, frames, height, width] = shape
  if (config.inChannels !== channels || config.textDim !== text.width)
    throw new TubeletError(
      'input',
      `${transformer.folder}: reads ${config.inChannels} latent channels and text of width ${config.textDim}; the other parts give ${channels} and ${text.width}`,
    )
  const weights = Object.fromEntries(Object.entries(transformer.arrays).map(([name, { data }]) => [name, data]))
  return denoiser(runtime, {
    config,
    weights,
    shape: { batch: 1, frames, height, width, textLength: text.length, guided },
  })
}

interface DecoderParts {
  readonly config: VideoVaeConfig
  readonly latents: LatentStatistics
  readonly vae: ModelPart
  readonly shape: readonly number[]
}

/** Normalised latents [C, T', H, W] → premultiplied RGBA planes [T, 4, 16 H, 16 W]. */
async function decoder(runtime: Runtime, { config, latents, vae, shape }: DecoderParts) {
  const p = params()
  const y = videoDecoder(p.at('decoder'), config)(input('z', [1, ...shape]))
  const program = await runtime.load(
    { y },
    { constants: weightsFor(p, vae.arrays, { where: vae.folder, spare: /^encoder\./ }) },
  )
  const plane = shape.slice(1).reduce((a, b) => a * b)
  return {
    async run(z: Float32Array): Promise<Float32Array> {
      const raw = z.map((value, i) => value * latents.std[Math.floor(i / plane)] + latents.mean[Math.floor(i / plane)])
      return (await program.run({ z: raw })).y as Float32Array
    },
    release: () => program.release(),
  }
}
