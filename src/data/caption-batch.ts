import type { RandomStream } from '../random.ts'
import { type CaptionLanguage, captionLanguages } from './captions.ts'
import type { SampleMeta } from './dataset.ts'
import { type Attributes, promptFor } from './prompts.ts'

/** A drawing among several of one concept. */
export interface Drawing {
  readonly meta: SampleMeta
  readonly frames: number
  readonly size: number
  pixels(): Uint8Array // straight RGBA [T, S, S, 4]
}

/** All drawings of each concept, in a fixed order of concepts. */
export function byConcept(drawings: readonly Drawing[]): Drawing[][] {
  const groups = new Map<string, Drawing[]>()
  for (const drawing of drawings) {
    const { codePoint } = drawing.meta
    groups.set(codePoint, [...(groups.get(codePoint) ?? []), drawing])
  }
  return [...groups.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, list]) => list)
}

/** A prompt in one of the two languages, or in the only one that there are words in. */
export function drawPrompt({ meta }: Pick<Drawing, 'meta'>, random: RandomStream, attributes: Attributes = {}): string {
  const drawn: CaptionLanguage = captionLanguages[random.integer(captionLanguages.length)]
  const language = meta.language ?? drawn
  return promptFor(meta[language], language, { random, ...attributes })
}

/** One frame of straight RGBA bytes on a plain background becomes planes [3, S, S] in [−1, 1]. */
export function composited(bytes: Uint8Array, background: readonly number[], out: Float32Array) {
  const plane = out.length / 3
  for (let i = 0; i < plane; i++) {
    const alpha = bytes[4 * i + 3] / 255
    for (let c = 0; c < 3; c++)
      out[c * plane + i] = (bytes[4 * i + c] * alpha + background[c] * (1 - alpha)) / 127.5 - 1
  }
}
