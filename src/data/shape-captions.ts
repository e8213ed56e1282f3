import type { CaptionDetail, CaptionLanguage } from './captions.ts'
import { article, plural } from './prompts.ts'
import { type ShapeGroup, type ShapeScene, shapeColours, shapeKinds, shapePlaces, shapeSizes } from './shapes.ts'

/** Words for the numbers 0 to 9 before a noun. */
export const shapeCounts = {
  en: ['no', 'a', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'],
  zh: ['零', '一', '两', '三', '四', '五', '六', '七', '八', '九'],
} as const

/** 'a, b and c' */
const listed = (parts: readonly string[], and: string, comma: string): string =>
  parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(comma)}${and}${parts.at(-1)}`

/** Tells a scene exactly; long captions of different scenes differ. */
export function captionShapes(scene: ShapeScene, language: CaptionLanguage, detail: CaptionDetail): string {
  const long = detail === 'long'
  if (language === 'zh') {
    const parts = scene.map((group) => chineseGroup(group, long))
    return long ? `${parts.join('；')}。` : listed(parts, '和', '、')
  }
  const text = listed(
    scene.map((group) => englishGroup(group, long)),
    long ? ', and ' : ' and ',
    ', ',
  )
  return long ? `${text[0].toUpperCase()}${text.slice(1)}.` : text
}

function englishGroup({ shape, colour, size, cells }: ShapeGroup, long: boolean): string {
  const words = [long ? shapeSizes[size].en : '', shapeColours[colour].en, shapeKinds[shape].en].filter(Boolean)
  const noun = words.join(' ')
  const counted = cells.length === 1 ? `${article(noun)} ${noun}` : `${shapeCounts.en[cells.length]} ${plural(noun)}`
  if (!long) return counted
  const places = cells.map((cell) => shapePlaces[cell].en)
  return `${counted} ${listed(places, ' and ', ', ')}`
}

function chineseGroup({ shape, colour, size, cells }: ShapeGroup, long: boolean): string {
  const noun = `${shapeColours[colour].zh}${shapeKinds[shape].zh}`
  const count = `${shapeCounts.zh[cells.length]}个`
  if (!long) return count + noun
  const places = cells.map((cell) => shapePlaces[cell].zh)
  return `${listed(places, '和', '、')}有${count}${shapeSizes[size].zh}的${noun}`
}
