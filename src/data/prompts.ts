import type { RandomStream } from '../random.ts'
import type { Caption, CaptionKind, CaptionLanguage } from './captions.ts'

/** A colour that a picture can be drawn in, by its hue, and its names. */
export interface NamedColour {
  readonly hue: number // degrees; -1 for a picture without colour
  readonly en: string
  readonly zh: string
}

/** The colours that recoloured pictures come in. */
export const namedColours: readonly NamedColour[] = [
  { hue: 0, en: 'red', zh: '红色' },
  { hue: 30, en: 'orange', zh: '橙色' },
  { hue: 55, en: 'yellow', zh: '黄色' },
  { hue: 120, en: 'green', zh: '绿色' },
  { hue: 215, en: 'blue', zh: '蓝色' },
  { hue: 275, en: 'purple', zh: '紫色' },
  { hue: 325, en: 'pink', zh: '粉色' },
  { hue: -1, en: 'gray', zh: '灰色' },
]

/** What was done to a drawing, so that the words can say it. */
export interface Attributes {
  readonly colour?: NamedColour
  readonly small?: boolean
  readonly two?: boolean // drawn twice, side by side
  readonly mirrored?: boolean
  readonly reversed?: boolean // played backwards
  readonly still?: boolean // one frame
}

const colourWords = {
  en: /\b(red|orange|yellow|green|light blue|blue|purple|pink|gr[ae]y|brown|black|white)\s+/i,
  zh: /(红|橙|黄|绿|蓝|紫|粉|灰|棕|黑|白)色的?|^(红|橙|黄|绿|蓝|紫|粉|灰|棕|黑|白)(?=心|旗|猫|花|苹果|灯笼|辣椒|线大方框)/,
} // a colour alone, without 色, belongs to many words: 白领, 黄油, 棕榈树

/** Words without the first colour in them, unless they are nothing else. */
const withoutColour = (label: string, language: CaptionLanguage): string =>
  label.replace(colourWords[language], '') || label

/** One of a list, drawn at random. */
export const pick = <T>(list: readonly T[], random: RandomStream): T => list[random.integer(list.length)]

/** The thing in a longer name, where the tags know it: 'star' in 'glowing star', 'dog' in 'dog face', 狗 in 狗脸. */
export function shortName({ label, tags }: Caption, language: CaptionLanguage): string | undefined {
  if (label.includes(':')) return
  if (language === 'zh') {
    const named = tags.filter((tag) => tag !== label && (label.endsWith(tag) || label.replace(/[脸头]$/, '') === tag))
    return named.sort((a, b) => b.length - a.length)[0]
  }
  const words = label.replace(/ face$/, '').split(' ')
  const last = words[words.length - 1]
  return words.length <= 3 && last !== label && tags.includes(last) ? last : undefined
}

/** The first rule whose ending fits makes the plural. */
const plurals: readonly (readonly [RegExp, string])[] = [
  [/\b(fish|sheep|deer)$/i, '$1'],
  [/\bperson$/i, 'people'],
  [/\bchild$/i, 'children'],
  [/\bmouse$/i, 'mice'],
  [/\b(t|f|g)oo(th|t|se)$/i, '$1ee$2'],
  [/(?<!hu)man$/i, 'men'],
  [/(wol|lea|el|shel|hal|loa|scar|thie)f$/i, '$1ves'],
  [/knife$/i, 'knives'],
  [/[^su]s$/i, '$&'], // eyes, glasses: many already; but compasses and buses
  [/([^aeiou])y$/i, '$1ies'],
  [/(s|x|z|ch|sh)$/i, '$1es'],
]

/** 'hearts', 'boxes', 'butterflies', 'wolves'. */
export function plural(noun: string): string {
  const [ending, many] = plurals.find(([ending]) => ending.test(noun)) ?? [/$/, 's']
  return noun.replace(ending, many)
}

/** The noun, with what was done to it: 'small blue bird', 'two red hearts'. */
function english(label: string, { colour, small, two }: Attributes): string {
  const noun = colour ? withoutColour(label, 'en') : label
  const counted = two ? plural(noun) : noun
  return [two ? 'two' : '', small ? 'small' : '', colour?.en ?? '', counted].filter(Boolean).join(' ')
}

function chinese(label: string, { colour, small, two }: Attributes, random: RandomStream): string {
  const noun = colour ? withoutColour(label, 'zh') : label
  const count = two ? `两${pick(measureWords, random)}` : ''
  return `${count}${small ? '小小的' : ''}${colour ? `${colour.zh}的` : ''}${noun}`
}

/** What stands between a number and a noun; people use all of them, so the model shall know them. */
const measureWords = ['个', '个', '只', '颗', '朵', '辆', '张'] as const

/** 'a' or 'an'. */
export const article = (phrase: string) => (/^[aeiou]/i.test(phrase) ? 'an' : 'a')

const englishForms = [
  (x: string) => x,
  (x: string) => x,
  (x: string) => `${article(x)} ${x}`,
  (x: string) => `${article(x)} ${x}`,
  (x: string) => `${x} emoji`,
  (x: string) => `an emoji of ${article(x)} ${x}`,
  (x: string) => `an animated ${x}`,
  (x: string) => `${article(x)} ${x} moving`,
  (x: string) => `a sticker of ${article(x)} ${x}`,
  plural,
] as const

const chineseForms = [
  (x: string) => x,
  (x: string) => x,
  (x: string) => x,
  (x: string) => `一个${x}`,
  (x: string) => `一只${x}`,
  (x: string) => `${x}表情`,
  (x: string) => `会动的${x}`,
  (x: string) => `${x}贴纸`,
] as const

/** What was changed, said after a caption that stays as it is written. */
const changeWords = {
  en: { small: 'small', two: 'two of them' },
  zh: { small: '小小的', two: '两个' },
} as const

const motionWords = {
  en: { reversed: 'backwards', mirrored: 'mirrored', still: 'still picture' },
  zh: { reversed: '倒放', mirrored: '左右翻转', still: '静止' },
} as const

/**
 * One way to ask for a drawing, drawn at random: its name or a shorter one in one of many forms, its tags alone or after
 * the name, and always the words for what was done to it. A verbatim caption, or one of its tags, which
 * say the same at more length, comes as it is, with those words after it.
 */
export function promptFor(
  caption: Caption,
  language: CaptionLanguage,
  { random, ...attributes }: Attributes & { random: RandomStream },
): string {
  const { label, tags } = caption
  const separator = language === 'en' ? ', ' : '，'
  if (caption.verbatim)
    return asWritten(tags.length > 0 ? pick([label, ...tags], random) : label, attributes, language).join(separator)
  const changed = Boolean(attributes.colour || attributes.small || attributes.two)
  const kind = random.integer(10)
  // Tags alone only where nothing was changed: they name no thing that could be blue.
  const byTags = !changed && tags.length > 0 && kind < 2
  const tagged = tags.length > 0 && kind >= 2 && kind < 4
  const some = [...new Set([pick([...tags, label], random), pick([...tags, label], random)])].filter(
    (tag) => tag !== label,
  )
  const form = attributes.two
    ? (x: string) => x
    : pick<(x: string) => string>(language === 'en' ? englishForms : chineseForms, random)
  // What was changed is often asked for by the plain thing: 'a yellow star', not 'a yellow glowing star'.
  const short = random.integer(10) < (changed ? 4 : 1) ? shortName(caption, language) : undefined
  const name = language === 'en' ? english(short ?? label, attributes) : chinese(short ?? label, attributes, random)
  // A single tag is asked for as a name is: 'a puppy'.
  const onlyTags = some.length === 1 ? form(some[0]) : some.join(language === 'en' ? ' ' : '') || label
  const parts = [byTags ? onlyTags : form(name)]
  // A tag may also follow without a comma, as a doing does: 'bell ringing'.
  if (tagged && kind === 3 && language === 'en' && !attributes.two && some.length > 0) parts[0] += ` ${some.shift()}`
  if (tagged) parts.push(...some)
  return [...parts, ...motionOf(attributes, language)].join(separator)
}

/**
 * What a captioner says of a drawing: its name and what was done to it; in long its tags as well, as many as fit. A
 * verbatim caption comes as it is, with words after it for what was done. Where that is too long, the label stands alone.
 */
export function captionFor(
  { label, tags, verbatim }: Caption,
  { language, detail }: CaptionKind,
  { random, fits, ...attributes }: Attributes & { random: RandomStream; fits: (text: string) => boolean },
): string {
  const separator = language === 'en' ? ', ' : '，'
  const name = language === 'en' ? english(label, attributes) : chinese(label, attributes, random)
  const written = detail === 'long' ? (tags[0] ?? label) : label
  const parts = verbatim ? asWritten(written, attributes, language) : [name, ...motionOf(attributes, language)]
  const told = parts.join(separator)
  let text = fits(told) ? told : label
  if (detail === 'long' && !verbatim) for (const tag of tags) if (fits(text + separator + tag)) text += separator + tag
  return text
}

/** A caption as it is written; where something was done to the drawing, words for that after it. */
function asWritten(label: string, attributes: Attributes, language: CaptionLanguage): string[] {
  const { colour } = attributes
  const words = changeWords[language]
  const changes = [
    ...(colour ? [colour[language]] : []),
    ...(['small', 'two'] as const).filter((name) => attributes[name]).map((name) => words[name]),
    ...motionOf(attributes, language),
  ]
  if (changes.length === 0) return [label]
  return [(colour ? withoutColour(label, language) : label).replace(/[.。]$/, ''), ...changes]
}

const motionOf = (attributes: Attributes, language: CaptionLanguage): string[] =>
  (['reversed', 'mirrored', 'still'] as const)
    .filter((name) => attributes[name])
    .map((name) => motionWords[language][name])

/**
 * A prompt with one wrong letter, as people type: in one of its words of five letters or more, a letter left out,
 * doubled, swapped with the next or replaced. Undefined where no word is that long.
 */
export function misspelt(prompt: string, random: RandomStream): string | undefined {
  const words = [...prompt.matchAll(/[a-z]{5,}/gi)]
  if (words.length === 0) return
  const { 0: word, index } = pick(words, random)
  const at = 1 + random.integer(word.length - 2) // the first letter is seldom wrong
  const [before, letter, next, after] = [word.slice(0, at), word[at], word[at + 1], word.slice(at + 2)]
  const ways = [next, letter + letter + next, next + letter, String.fromCharCode(97 + random.integer(26)) + next]
  return prompt.slice(0, index) + before + pick(ways, random) + after + prompt.slice(index + word.length)
}
