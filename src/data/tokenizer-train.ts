import { TubeletError } from '../errors.ts'
import { heap } from './heap.ts'
import { byteAlphabet, specialTokens, type Vocabulary } from './tokenizer-file.ts'
import { cleanText, splitWords } from './words.ts'

/** How large a vocabulary may become. */
export interface TokenizerTrainingConfig {
  /** V, ids in all: 256 bytes, 3 special tokens, and merges as far as the captions have pairs for them. */
  readonly size: number
  /** A pair that occurs less often is not merged; default 2. */
  readonly minCount?: number
}

/**
 * Learns byte pairs from captions (Sennrich et al. 2016, algorithm 1): the most frequent pair of neighbours within words
 * becomes a token, again and again; of equally frequent pairs the one of the lower ids. The order of the captions does
 * not matter.
 */
export function trainTokenizer(
  captions: Iterable<string>,
  { size, minCount = 2 }: TokenizerTrainingConfig,
): Vocabulary {
  const special = Object.values(specialTokens)
  const least = byteAlphabet.length + special.length
  if (!Number.isInteger(size) || size < least || size > 65536)
    throw new TubeletError('usage', `tokenizer: size must be a whole number from ${least} to 65536, not ${size}`)
  const tokens = [...byteAlphabet]
  const taken = new Set(tokens)
  const merges: [number, number, number][] = []
  const words = countWords(captions)
  const pairs = countPairs(words)

  while (tokens.length + special.length < size) {
    const best = pairs.mostFrequent()
    if (!best || best.count < minCount) break
    const token = tokens[best.left] + tokens[best.right]
    if (taken.has(token)) {
      pairs.drop(best) // two ways to the same bytes: the first one stays the only one
      continue
    }
    taken.add(token)
    merges.push([best.left, best.right, tokens.length])
    pairs.merge(best, tokens.length)
    tokens.push(token)
  }
  return { tokens: [...tokens, ...special], merges }
}

interface Word {
  symbols: number[]
  readonly count: number
}

function countWords(captions: Iterable<string>): Word[] {
  const counts = new Map<string, number>()
  for (const caption of captions)
    for (const word of splitWords(` ${cleanText(caption)}`)) counts.set(word, (counts.get(word) ?? 0) + 1)
  const utf8 = new TextEncoder()
  return [...counts].map(([word, count]) => ({ symbols: [...utf8.encode(word)], count }))
}

interface Pair {
  readonly left: number
  readonly right: number
  count: number
  readonly words: Set<Word> // those that may hold it
}

interface Ranked {
  readonly pair: Pair
  readonly count: number // when it was queued; the pair may have lost some since
}

function countPairs(words: readonly Word[]) {
  const pairs = new Map<number, Pair>()
  const queue = heap<Ranked>(
    (a, b) =>
      a.count > b.count ||
      (a.count === b.count &&
        (a.pair.left < b.pair.left || (a.pair.left === b.pair.left && a.pair.right < b.pair.right))),
  )
  const touched = new Set<Pair>()
  const change = (word: Word, sign: 1 | -1) => {
    for (let i = 1; i < word.symbols.length; i++) {
      const [left, right] = [word.symbols[i - 1], word.symbols[i]]
      const key = left * 65536 + right
      const pair = pairs.get(key) ?? { left, right, count: 0, words: new Set() }
      pairs.set(key, pair)
      pair.count += sign * word.count
      pair.words.add(word)
      touched.add(pair)
    }
  }
  const queueTouched = () => {
    for (const pair of touched) if (pair.count > 0) queue.push({ pair, count: pair.count })
    touched.clear()
  }
  for (const word of words) change(word, 1)
  queueTouched()

  return {
    mostFrequent(): Pair | undefined {
      for (let top = queue.pop(); top; top = queue.pop()) if (top.count === top.pair.count) return top.pair
      return undefined
    },
    /** Takes a pair out of the contest. */
    drop(pair: Pair): void {
      pair.count = Number.NEGATIVE_INFINITY
    },
    /** Replaces the pair by the token `merged` in every word. */
    merge({ left, right, words: holders }: Pair, merged: number): void {
      for (const word of holders) {
        const symbols = replacePair(word.symbols, [left, right], merged)
        if (symbols.length === word.symbols.length) continue
        change(word, -1)
        word.symbols = symbols
        change(word, 1)
      }
      holders.clear()
      queueTouched()
    },
  }
}

function replacePair(symbols: readonly number[], [left, right]: readonly [number, number], merged: number): number[] {
  const replaced: number[] = []
  for (let i = 0; i < symbols.length; i++) {
    const found = symbols[i] === left && symbols[i + 1] === right
    replaced.push(found ? merged : symbols[i])
    if (found) i++
  }
  return replaced
}
