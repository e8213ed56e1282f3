import { stream } from '../random.ts'
import { alter, alterVersion, drawAttributes } from './alter.ts'
import { drawPrompt } from './caption-batch.ts'
import { captionLanguages } from './captions.ts'
import { loadClips } from './clips.ts'
import { trainingMetas } from './labels.ts'
import { withOwnTags } from './own-tags.ts'
import { type Attributes, misspelt } from './prompts.ts'
import { knownWords } from './words.ts'

/** The training drawings of a data set and changed copies of them, each with prompts that ask for it. */
export interface PromptedDrawings {
  readonly count: number
  readonly originals: number // drawings as they are, which come first
  readonly labels: readonly (readonly string[])[] // of each original, in each language that it has words in
  readonly prompts: readonly (readonly string[])[] // of each; half of an original's are labels, the last may be misspelt
  readonly words: readonly string[] // of all prompts, but for misspelt ones
  readonly size: number // of the frames, in pixels
  readonly frames: number
  readonly fps: number // the median
  readonly key: string // changes with the content
  pixels(index: number): Uint8Array // straight RGBA [T, S, S, 4]
  close(): void
}

/** What to make of a data set. */
export interface PromptedDrawingsOptions {
  readonly kind: 'clip' | 'still'
  readonly variants: number // changed copies of each drawing: recoloured, small, two of them, mirrored, backwards
  readonly hold?: number // frames that a still is held for; 1 where absent
  readonly promptsEach: number // ways to ask for each drawing as it is
  readonly promptsOfCopy?: number // ways to ask for each changed copy; as many where absent
}

/** Opens the training part of a data set in the moving style, with the same copies and prompts each time. */
export async function promptedDrawings(
  data: string,
  { kind, variants, hold = 1, promptsEach, promptsOfCopy = promptsEach }: PromptedDrawingsOptions,
): Promise<PromptedDrawings> {
  const styles = ['fluent'] as const
  const clips = await loadClips(data, { kind, split: 'train', styles })
  const { count: originals, size } = clips
  const count = originals * (1 + variants)
  const changes = (i: number): Attributes =>
    i < originals ? {} : drawAttributes(stream({ seed: 0, purpose: `variant ${kind}`, sample: i }), kind === 'clip')
  const metas = withOwnTags(clips.samples, await trainingMetas(data, { styles }))
  const labels = metas.map((meta) => (meta.language ? [meta.language] : captionLanguages).map((l) => meta[l].label))
  const prompts = Array.from({ length: count }, (_, i) => {
    const random = stream({ seed: 0, purpose: `prompts ${kind}`, sample: i })
    const drawn = () => drawPrompt({ meta: metas[i % originals] }, random, changes(i))
    if (i >= originals) return Array.from({ length: promptsOfCopy }, drawn)
    const label = (k: number) => labels[i][Math.floor(k / 2) % labels[i].length]
    return Array.from({ length: promptsEach }, (_, k) => (k % 2 === 1 ? label(k) : drawn()))
  })
  const words = knownWords(prompts.flat())
  prompts.forEach((ways, i) => {
    const wrong = misspelt(ways[0], stream({ seed: 0, purpose: `misspelt ${kind}`, sample: i }))
    if (wrong) ways.push(wrong)
  })
  return {
    ...{ count, originals, labels, prompts, words, size, frames: clips.frames * hold },
    fps: clips.samples.map((sample) => sample.fps).sort((a, b) => a - b)[originals >> 1],
    key: `${clips.key} ${variants} ${alterVersion}${hold > 1 ? ` held ${hold}` : ''}`,
    pixels(i) {
      const bytes = alter({ frames: clips.frames, size, bytes: clips.pixels(i % originals) }, changes(i))
      return hold > 1 ? repeated(bytes, hold) : bytes
    },
    close: clips.close,
  }
}

function repeated(bytes: Uint8Array, times: number): Uint8Array {
  const out = new Uint8Array(bytes.length * times)
  for (let k = 0; k < times; k++) out.set(bytes, k * bytes.length)
  return out
}
