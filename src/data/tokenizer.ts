import { TubeletError } from '../errors.ts'
import { heap } from './heap.ts'
import { byteAlphabet, specialTokens, type Vocabulary } from './tokenizer-file.ts'
import { cleanText, splitWords } from './words.ts'

/** Turns text into ids of byte-level tokens and back (Sennrich et al. 2016; bytes as in Radford et al. 2019). */
export interface Tokenizer {
  /** V, the number of ids. */
  readonly size: number
  readonly start: number
  readonly end: number
  readonly pad: number
  /** Ids of the text alone. No text, however spelt, gives a special token. */
  ids(text: string): number[]
  /** Start, text, end, padding: ids [length]; a text that is too long loses its tail, never the end token. */
  encode(text: string, length: number): Int32Array
  /** The tail that `encode` leaves out of a text that is too long, else an empty string. */
  tail(text: string, length: number): string
  /** The clean text behind ids; special tokens and numbers that are no id are left out. */
  decode(ids: Iterable<number>): string
}

/** A tokenizer with the given tokens and merges. */
export function tokenizer({ tokens, merges }: Vocabulary): Tokenizer {
  const size = tokens.length
  const ids = new Map(tokens.map((token, id) => [token, id]))
  const idOf = (token: string) => ids.get(token)!
  const ofByte = byteAlphabet.map(idOf)
  const { pad, start, end } = {
    pad: idOf(specialTokens.pad),
    start: idOf(specialTokens.start),
    end: idOf(specialTokens.end),
  }
  const special = new Set([pad, start, end])
  const bytes = bytesOfTokens(tokens)
  // A pair of ids as one number → its rank and result.
  const ranks = new Map(merges.map(([left, right, merged], rank) => [left * size + right, { rank, merged }]))
  const utf8 = new TextEncoder()
  const wordIds = remember((word) =>
    mergePairs(
      Array.from(utf8.encode(word), (byte) => ofByte[byte]),
      (left, right) => ranks.get(left * size + right),
    ),
  )
  const textIds = (text: string) => {
    const clean = cleanText(text)
    return clean === '' ? [] : splitWords(` ${clean}`).flatMap(wordIds)
  }
  const decode = (list: Iterable<number>) => {
    const chunks: number[] = []
    for (const id of list) if (!special.has(id)) for (const byte of bytes[id] ?? []) chunks.push(byte)
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(chunks)).replace(/^ /, '')
  }
  return {
    size,
    start,
    end,
    pad,
    ids: textIds,
    encode(text, length) {
      if (!Number.isInteger(length) || length < 2)
        throw new TubeletError('usage', `tokenizer: length must be a whole number from 2, not ${length}`)
      const out = new Int32Array(length).fill(pad)
      out.set([start, ...textIds(text).slice(0, length - 2), end])
      return out
    },
    tail: (text, length) => decode(textIds(text).slice(length - 2)),
    decode,
  }
}

/** The same function, which computes each of the last words once. */
function remember(find: (word: string) => readonly number[]): (word: string) => readonly number[] {
  const found = new Map<string, readonly number[]>()
  return (word) => {
    const known = found.get(word)
    if (known) return known
    const ids = find(word)
    if (found.size >= 50_000) found.clear()
    if (word.length <= 64) found.set(word, ids)
    return ids
  }
}

function bytesOfTokens(tokens: readonly string[]): number[][] {
  const byteOf = new Map(byteAlphabet.map((character, byte) => [character, byte]))
  return tokens.map((token) => Array.from(token, (character) => byteOf.get(character) ?? 0x3f))
}

/** Applies the earliest learned merge, leftmost first, until none is left; n log n in the length of the word. */
function mergePairs(
  symbols: number[],
  pair: (left: number, right: number) => { rank: number; merged: number } | undefined,
): number[] {
  const count = symbols.length
  const next = Int32Array.from({ length: count }, (_, i) => i + 1)
  const previous = Int32Array.from({ length: count }, (_, i) => i - 1)
  const pairAt = (at: number) => (at >= 0 && next[at] < count ? pair(symbols[at], symbols[next[at]]) : undefined)
  // A candidate is one number: the rank of its merge above its place in the word.
  const places = 2 ** 32
  const queue = heap<number>((a, b) => a < b)
  const consider = (at: number) => {
    const found = pairAt(at)
    if (found) queue.push(found.rank * places + at)
  }
  for (let at = 0; at < count; at++) consider(at)
  const gone = -1
  for (let best = queue.pop(); best !== undefined; best = queue.pop()) {
    const at = best % places
    const found = pairAt(at)
    if (found?.rank !== Math.floor(best / places)) continue // changed since
    const after = next[at]
    symbols[at] = found.merged
    symbols[after] = gone
    next[at] = next[after]
    if (next[at] < count) previous[next[at]] = at
    consider(previous[at])
    consider(at)
  }
  return symbols.filter((symbol) => symbol !== gone)
}
