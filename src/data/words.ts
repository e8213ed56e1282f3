import { closest, distance } from 'fastest-levenshtein'

// How text is cleaned and cut into words before byte pairs are merged inside each. The patterns avoid \s and scripts'
// names, whose meaning differs between regular expression engines: the same text stands in the saved tokenizer.

/** One or more characters of Unicode's White_Space property. */
export const whitespacePattern = '[\\t-\\r \\u0085\\u00A0\\u1680\\u2000-\\u200A\\u2028\\u2029\\u202F\\u205F\\u3000]+'

// Characters of scripts written without spaces between words: Chinese and Japanese letters and iteration marks.
const unspaced = '々〆〇ぁ-ヿㄅ-ㄯ㐀-䶿一-鿿豈-﫿ｦ-ﾟ\u{20000}-\u{3FFFF}'

/**
 * Words with the space before them, as in GPT-2 (Radford et al. 2019): English endings, letters, runs of Chinese or
 * Japanese (which never take the space along), single digits as in CLIP, other signs, and a space that is left over.
 */
export const wordPattern = [
  "'s|'t|'re|'ve|'m|'ll|'d",
  ` ?[^\\P{L}${unspaced}]+`,
  `[${unspaced}]+`,
  ' ?\\p{N}',
  ` ?[^ \\p{L}\\p{N}${unspaced}]+`,
  ' ',
].join('|')

const whitespace = new RegExp(whitespacePattern, 'g')
const words = new RegExp(wordPattern, 'gu')
const unspacedCharacter = new RegExp(`[${unspaced}]`, 'u')
const letterOrDigit = /[\p{L}\p{N}]/u

/**
 * Text as the tokenizer sees it: composed (NFC), each run of white space one space, none at the ends, lower case;
 * what is not valid UTF-16 becomes U+FFFD.
 */
export function cleanText(text: string): string {
  const plain = text
    .replace(/[\ud800-\udfff]/gu, '\ufffd') // with the flag u this matches halves of pairs only
    .normalize('NFC')
    .replace(whitespace, ' ')
    .replace(/^ | $/g, '')
  // A capital sigma becomes σ everywhere, as in tokenizers that look at single characters.
  return plain.includes('Σ') ? Array.from(plain, (c) => c.toLowerCase()).join('') : plain.toLowerCase()
}

/** Cuts clean text, which begins with a space, into words; joined, they are the text again. */
export const splitWords = (text: string): string[] => text.match(words) ?? []

/** The words that captions can teach: lower-case words, and single characters of Chinese and Japanese; no signs. */
export function contentWords(text: string): string[] {
  return splitWords(` ${cleanText(text)}`)
    .flatMap((word) => (unspacedCharacter.test(word) ? Array.from(word) : [word.trim()]))
    .filter((word) => letterOrDigit.test(word) || unspacedCharacter.test(word))
}

/** Every word that occurs in the captions, once, in a fixed order. */
export function knownWords(captions: Iterable<string>): string[] {
  const known = new Set<string>()
  for (const caption of captions) for (const word of contentWords(caption)) known.add(word)
  return [...known].sort((a, b) => (a < b ? -1 : 1))
}

/**
 * The known word that a misspelt one was likely meant to be, if any: one letter away (Levenshtein distance), or two in
 * a word of six letters or more. In words of three letters too much is one letter away.
 */
export function likelyMeant(word: string, known: readonly string[]): string | undefined {
  if (word.length < 4 || known.length === 0) return
  const near = closest(word, known)
  return distance(word, near) <= (word.length < 6 ? 1 : 2) ? near : undefined
}

/** The words of a prompt that no caption holds, once each, in the order of the prompt. */
export function unknownWords(prompt: string, known: ReadonlySet<string>): string[] {
  return [...new Set(contentWords(prompt))].filter((word) => !known.has(word))
}
