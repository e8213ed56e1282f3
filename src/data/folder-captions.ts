import { createHash } from 'node:crypto'
import type { Concept } from './captions.ts'

/** What a person calls a picture: in English, in Chinese or in both. */
export type Words = { readonly en: string; readonly zh?: string } | { readonly en?: string; readonly zh: string }

/** Endings of caption files, in the order in which they are looked for: cat.txt or cat.caption beside cat.png. */
export const captionEndings = ['.txt', '.caption'] as const

const chineseLetter = /\p{Script=Han}/u
const letter = /\p{L}/u

/**
 * The words of a caption. A line with a Chinese character is Chinese, any other English; lines of one language are one
 * text. Undefined where there are none.
 */
export function captionWords(text: string): Words | undefined {
  const lines = text.normalize('NFC').split(/[\r\n]+/)
  const some = lines.map((line) => line.replace(/\s+/g, ' ').trim()).filter((line) => line !== '')
  const chinese = some.filter((line) => chineseLetter.test(line))
  const english = some.filter((line) => !chineseLetter.test(line))
  const [en, zh] = [english.join(' '), chinese.join('')]
  if (zh === '') return en === '' ? undefined : { en }
  return en === '' ? { zh } : { en, zh }
}

/**
 * The words of a file's name: cats/red_cat.png is a red cat. Where the name has no letter, those of the folder it lies in:
 * dog/001.png and 10_dog/001.png are a dog.
 */
export function nameWords(name: string): Words {
  const [file, ...folders] = name.split('/').reverse()
  const stem = file.replace(/\.[^.]*$/, '')
  const spoken =
    [stem, ...folders.map((folder) => folder.replace(/^\d+_/, ''))].find((part) => letter.test(part)) ?? stem
  return captionWords(spoken.replace(/[_-]+/g, ' ')) ?? { en: file }
}

/** Words as a concept of a data set; equal words are one concept. */
export function conceptOf({ en, zh }: Words): Concept {
  const caption = (text: string | undefined) => ({ label: (text ?? en ?? zh)!, tags: [], verbatim: true as const })
  const key = createHash('sha256')
    .update(JSON.stringify([en, zh]))
    .digest('hex')
    .slice(0, 16)
  const language = zh === undefined ? 'en' : en === undefined ? 'zh' : undefined
  return { codePoint: key, emoji: '', en: caption(en), zh: caption(zh), language }
}
