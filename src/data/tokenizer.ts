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
  const pair = (left: number, right: number) => ranks.get(left * size + right)
  const remembered = new Map<string, readonly number[]>()
  const utf8 = new TextEncoder()

  const wordIds = (word: string): readonly number[] => {
    const known = remembered.get(word)
    if (known) return known
    const found = mergePairs(
      Array.from(utf8.encode(word), (byte) => ofByte[byte]),
      pair,
    )
    if (remembered.size >= 50_000) remembered.clear()
    if (word.length <= 64) remembered.set(word, found)
    return found
  }
  const textIds = (text: string) => {
    const clean = cleanText(text)
    return clean === '' ? [] : splitWords(` ${clean}`).flatMap(wordIds)
  }
  return {
    size,
    start,
    end,
    pad,
    ids: textIds,
    encode(text, length) {
      const out = new Int32Array(length).fill(pad)
      const kept = textIds(text).slice(0, Math.max(0, length - 2))
      out.set([start, ...kept, end].slice(0, length))
      return out
    },
    decode(list) {
      const chunks: number[] = []
      for (const id of list) if (!special.has(id)) for (const byte of bytes[id] ?? []) chunks.push(byte)
      return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(chunks)).replace(/^ /, '')
    },
  }
}

function bytesOfTokens(tokens: readonly string[]): number[][] {
  const byteOf = new Map(byteAlphabet.map((character, byte) => [character, byte]))
  return tokens.map((token) => Array.from(token, (character) => byteOf.get(character) ?? 0x3f))
}

interface Candidate {
  readonly at: number
  readonly left: number
  readonly right: number
  readonly rank: number
  readonly merged: number
}

/** Applies the earliest learned merge, leftmost first, until none is left; n log n in the length of the word. */
function mergePairs(
  symbols: number[],
  pair: (left: number, right: number) => { rank: number; merged: number } | undefined,
): number[] {
  const next = symbols.map((_, i) => i + 1)
  const previous = symbols.map((_, i) => i - 1)
  const queue = heap<Candidate>((a, b) => a.rank < b.rank || (a.rank === b.rank && a.at < b.at))
  const consider = (at: number) => {
    if (at < 0 || next[at] >= symbols.length) return
    const [left, right] = [symbols[at], symbols[next[at]]]
    const found = pair(left, right)
    if (found) queue.push({ at, left, right, ...found })
  }
  symbols.forEach((_, i) => {
    consider(i)
  })
  const gone = -1
  for (let best = queue.pop(); best; best = queue.pop()) {
    const { at, left, right, merged } = best
    const after = next[at]
    if (symbols[at] !== left || after >= symbols.length || symbols[after] !== right) continue // changed since
    symbols[at] = merged
    symbols[after] = gone
    next[at] = next[after]
    if (next[at] < symbols.length) previous[next[at]] = at
    consider(previous[at])
    consider(at)
  }
  return symbols.filter((symbol) => symbol !== gone)
}
