import { TubeletError } from '../errors.ts'
import { type CaptionDetail, type CaptionKind, captionLanguages } from './captions.ts'
import type { Tokenizer } from './tokenizer.ts'

const details: readonly CaptionDetail[] = ['short', 'long']

/** Ids of a captioner: those of the tokenizer, then one start token for each kind of caption. */
export const captionVocabulary = (words: Tokenizer): number => words.size + captionLanguages.length * details.length

/** The token that a caption of a kind begins with. */
export const captionStart = (words: Tokenizer, { language, detail }: CaptionKind): number =>
  words.size + captionLanguages.indexOf(language) * details.length + details.indexOf(detail)

/**
 * A caption as a captioner learns it, ids [length]: the start token of its kind, the text, end, padding. Throws
 * TubeletError('input') where it does not fit: a captioner that never saw its ends would not end.
 */
export function encodeCaption(words: Tokenizer, text: string, kind: CaptionKind & { readonly length: number }) {
  const ids = words.ids(text)
  if (ids.length + 2 > kind.length)
    throw new TubeletError('input', `a caption of ${ids.length} tokens is too long for ${kind.length}: '${text}'`)
  const out = words.encode(text, kind.length)
  out[0] = captionStart(words, kind)
  return out
}
