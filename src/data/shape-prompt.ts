import { TubeletError } from '../errors.ts'
import type { RandomStream } from '../random.ts'
import type { CaptionLanguage } from './captions.ts'
import { pick } from './prompts.ts'
import { captionShapes, shapeCounts } from './shape-captions.ts'
import {
  keys,
  type ShapeColour,
  type ShapeGroup,
  type ShapeKind,
  type ShapeSize,
  shapeColours,
  shapeKinds,
  shapePlaces,
  shapeSizes,
} from './shapes.ts'

/** What a prompt says of some shapes that are alike; what it leaves open is absent. */
export interface AskedGroup {
  readonly shape: ShapeKind
  readonly colour?: ShapeColour
  readonly size?: ShapeSize
  readonly count: number // 1 where the prompt tells none
  readonly cells: readonly number[] // places that it names, in its order
}

/** A prompt that was understood. */
export interface AskedShapes {
  readonly language: CaptionLanguage
  readonly groups: readonly AskedGroup[]
}

/**
 * Reads a prompt about shapes, in the words of `captionShapes`, with or without colour, size, count and places.
 * Undefined where any word of it is another: nothing that was asked for may be lost.
 */
export function readShapePrompt(prompt: string): AskedShapes | undefined {
  const text = prompt.normalize('NFC').toLowerCase()
  for (const language of ['en', 'zh'] as const) {
    const { group, places, filler } = grammars[language]
    const found = [...text.matchAll(group)]
    if (found.length === 0) continue
    const edges = [0, ...found.flatMap((match) => [match.index, match.index + match[0].length]), text.length]
    // English tells the places after the shapes, Chinese before them.
    const beside = found.map((_, i) =>
      text.slice(edges[2 * i + (language === 'en' ? 2 : 0)], edges[2 * i + (language === 'en' ? 3 : 1)]),
    )
    const rest = text.replaceAll(group, ' ').replaceAll(places, ' ').replaceAll(filler, ' ')
    if (rest.trim() !== '') return undefined
    const groups = found.map(({ groups = {} }, i): AskedGroup => {
      const cells = [...beside[i].matchAll(places)].map(([place]) => placeNumber(place, language))
      return {
        shape: keyOf(shapeKinds, groups.shape, language) as ShapeKind,
        colour: keyOf(shapeColours, groups.colour, language),
        size: keyOf(shapeSizes, groups.size, language),
        count: Math.max(countOf(groups.count, language), cells.length),
        cells,
      }
    })
    return { language, groups }
  }
}

/** What an expander may choose from. */
export interface ExpandShapesOptions {
  readonly random: RandomStream
  readonly cells?: readonly number[] // places where shapes may be; all nine
}

/**
 * The long caption of a scene that a prompt about shapes asks for: what it leaves open is drawn at random. Undefined where
 * it is not about shapes alone. Throws TubeletError('usage') where there are fewer places than shapes.
 */
export function expandShapes(prompt: string, { random, cells }: ExpandShapesOptions): string | undefined {
  const asked = readShapePrompt(prompt)
  if (!asked) return
  const taken = new Set(asked.groups.flatMap((group) => group.cells))
  const order = Array.from(random.permutation(shapePlaces.length))
  const free = order.filter((cell) => !taken.has(cell) && (cells?.includes(cell) ?? true))
  const scene = asked.groups.map((group): ShapeGroup => {
    const more = free.splice(0, group.count - group.cells.length)
    if (group.cells.length + more.length < group.count)
      throw new TubeletError('usage', `expand: there are not as many places as shapes in '${prompt}'`)
    return {
      shape: group.shape,
      colour: group.colour ?? pick(keys(shapeColours), random),
      size: group.size ?? pick(keys(shapeSizes), random),
      cells: [...group.cells, ...more].sort((a, b) => a - b),
    }
  })
  return captionShapes(scene, asked.language, 'long')
}

type Words = Readonly<Record<string, Readonly<Record<CaptionLanguage, string>>>>

/** Any of some words, the longest first. */
const anyOf = (words: readonly string[]) => [...words].sort((a, b) => b.length - a.length).join('|')
const wordsOf = (table: Words, language: CaptionLanguage) => Object.values(table).map((word) => word[language])
const places = (language: CaptionLanguage) => shapePlaces.map((place) => place[language])

const grammars = {
  en: {
    group: new RegExp(
      `\\b(?:(?<count>an|one|${anyOf(shapeCounts.en.slice(1))}) )?(?:(?<size>${anyOf(wordsOf(shapeSizes, 'en'))}) )?` +
        `(?:(?<colour>${anyOf(wordsOf(shapeColours, 'en'))}) )?(?<shape>${anyOf(wordsOf(shapeKinds, 'en'))})(?:e?s)?\\b`,
      'g',
    ),
    places: new RegExp(`\\b(?:${anyOf(places('en'))})\\b`, 'g'),
    filler: /\band\b|[,.;]/g,
  },
  zh: {
    group: new RegExp(
      `(?:(?<count>${anyOf(shapeCounts.zh.slice(1))})个)?(?:(?<size>${anyOf(wordsOf(shapeSizes, 'zh'))})的?)?` +
        `(?:(?<colour>${anyOf(wordsOf(shapeColours, 'zh'))})的?)?(?<shape>${anyOf(wordsOf(shapeKinds, 'zh'))})`,
      'g',
    ),
    places: new RegExp(anyOf(places('zh')), 'g'),
    filler: /[和有，、；。,]/g,
  },
} as const

const keyOf = <K extends string>(
  table: Readonly<Record<K, Record<CaptionLanguage, string>>>,
  word: string | undefined,
  language: CaptionLanguage,
) => keys(table).find((key) => table[key][language] === word)

const placeNumber = (word: string, language: CaptionLanguage) => places(language).indexOf(word as never)

const countOf = (word: string | undefined, language: CaptionLanguage) =>
  Math.max(1, (shapeCounts[language] as readonly string[]).indexOf(word ?? ''))
