import { contentWords, likelyMeant } from '../data/words.ts'
import { type Known, pathAround } from '../diffusion/known.ts'
import { sample } from '../diffusion/sample.ts'
import { schedulerFromConfig } from '../diffusion/scheduler.ts'
import { TubeletError } from '../errors.ts'
import type { Clip } from '../files/clip.ts'
import { stream } from '../random.ts'
import { loadOnce } from '../runtime/load-once.ts'
import type { Arrays, Program } from '../runtime/runtime.ts'
import type { TextEncoder } from './text-states.ts'

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
      readonly unknown: readonly string[] // words that the training did not teach
      readonly meant: readonly (string | undefined)[] // of each of them, the known word it may be a misspelling of
      readonly known: number // how many words it did
      readonly unread: string // the end of a prompt that is too long for the text encoder, else empty
    }
  | {
      readonly kind: 'step'
      readonly index: number
      readonly step: number
      readonly steps: number
      readonly preview: () => Promise<Clip>
    }
  | { readonly kind: 'clip'; readonly index: number; readonly recipe: Recipe; readonly clip: Clip }

/** The parts of a model that draws from text, as they are run: its text encoder, its denoiser, and what makes pixels of x. */
export interface PromptParts {
  readonly text: TextEncoder
  readonly scheduler: unknown // scheduler_config.json
  readonly words?: readonly string[] // of the training
  readonly shape: readonly number[] // of x, without a batch
  /** With `ofFrames`, each frame has a time of its own. */
  denoiser(guided: boolean, dtype: Recipe['dtype'], ofFrames: boolean): Promise<Program>
  toClip(x: Float32Array): Promise<Clip>
  release(): Promise<void> // of what `toClip` needs
}

/** A loaded model that draws from text. */
export interface PromptModel {
  /**
   * Draws one clip or picture for each recipe, in order, around what is known of it, and yields what happens; an aborted
   * signal stops between two steps.
   */
  generate(recipes: readonly Recipe[], signal?: AbortSignal, known?: Known): AsyncGenerator<GenerateEvent>
  release(): Promise<void>
}

/** Joins the parts; denoisers are loaded when they are first asked for, and kept. The text encoder stays the caller's. */
export function promptModel(parts: PromptParts): PromptModel {
  const programs = loadOnce<Program>()
  const denoiser: PromptParts['denoiser'] = (guided, dtype = 'fp32', ofFrames) =>
    programs.get(`${guided} ${dtype} ${ofFrames}`, () => parts.denoiser(guided, dtype, ofFrames))
  return {
    async *generate(recipes, signal, known) {
      for (const [index, recipe] of recipes.entries())
        yield* draw({ ...parts, denoiser }, recipe, { index, signal, known })
    },
    async release() {
      await programs.release()
      await parts.release()
    },
  }
}

/** Draws one clip and tells each step; what it looks like depends on the recipe alone. */
async function* draw(
  { text, scheduler, words, shape, ...model }: PromptParts,
  recipe: Recipe,
  { index, signal, known }: { index: number; signal?: AbortSignal; known?: Known },
): AsyncGenerator<GenerateEvent> {
  const { prompt, seed, steps, guidance, dtype } = recipe
  const asked = [...new Set(contentWords(prompt))]
  const unknown = words ? asked.filter((word) => !words.includes(word)) : []
  const unread = text.tokenizer.tail(prompt, text.length)
  const meant = unknown.map((word) => likelyMeant(word, words ?? []))
  yield { kind: 'prompt', index, recipe, unknown, meant, known: asked.length - unknown.length, unread }
  const guided = guidance !== 1
  const program = await model.denoiser(guided, dtype, known !== undefined)
  const states = await conditions(text, recipe, guided)
  const given: Arrays = { text: states, ...(guided && { guidance: Float32Array.of(guidance) }) }
  const latentCount = shape.reduce((a, b) => a * b)
  const first = stream({ seed, purpose: 'latents' }).normal(latentCount)
  const flow = schedulerFromConfig(scheduler, steps)
  const path = known && pathAround(known, first, flow)
  let latents = first
  for await (const { step, x } of sample({
    scheduler: path?.scheduler ?? flow,
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

function checkFinite(x: Float32Array, step: number, steps: number) {
  if (!x.every(Number.isFinite))
    throw new TubeletError(
      'numeric',
      `step ${step} of ${steps}: the latents are no finite numbers any more; check the weights of the transformer, or take a lower guidance`,
    )
}
