import { TubeletError } from '../errors.ts'

/** Logits of the token after each of some texts: texts of one length → [texts · V], row by row. */
export type NextToken = (texts: readonly (readonly number[])[]) => Promise<Float32Array>

/** How a text is searched. */
export interface BeamOptions {
  readonly start: number // the token that every text begins with
  readonly end: number // the token that ends one
  readonly most: number // most tokens, with start and end; a text that long ends there
  readonly beams?: number // texts that are kept; 1, the default, is greedy decoding
  /** α of Wu et al. 2016, equation 14: 0 ranks by probability, which likes short texts; larger likes longer ones. */
  readonly lengthPenalty?: number
  /** Tokens that are never written. */
  readonly never?: readonly number[]
  readonly signal?: AbortSignal
}

/** A text that was found. */
export interface FoundText {
  readonly tokens: readonly number[] // without start and end
  readonly logProbability: number
  readonly score: number // what it was ranked by
}

interface Beam {
  readonly tokens: readonly number[] // with the start
  readonly logProbability: number
}

/**
 * Beam search (Sutskever et al. 2014, section 3.2) with the length penalty of Wu et al. 2016 (section 7): the likeliest
 * texts found, the best first, at most `beams`. A text that has ended keeps its place, and the search is over when no
 * text that goes on can overtake the best one. Throws TubeletError('usage') for numbers that make no sense, and
 * TubeletError('stopped') on an aborted signal.
 */
export async function beamSearch(next: NextToken, options: BeamOptions): Promise<FoundText[]> {
  const { start, end, most, beams = 1, lengthPenalty = 0, never = [], signal } = options
  if (!(Number.isInteger(beams) && beams >= 1 && Number.isInteger(most) && most >= 2 && lengthPenalty >= 0))
    throw new TubeletError('usage', 'beam search: beams from 1, most from 2 and a length penalty from 0 are needed')
  const score = (logProbability: number, length: number) => logProbability / ((5 + length) / 6) ** lengthPenalty
  const ended: FoundText[] = []
  const finish = ({ tokens, logProbability }: Beam, length: number) =>
    ended.push({ tokens: tokens.slice(1), logProbability, score: score(logProbability, length) })
  let alive: readonly Beam[] = [{ tokens: [start], logProbability: 0 }]
  for (let length = 1; length < most && alive.length > 0; length++) {
    if (signal?.aborted) throw new TubeletError('stopped', 'stopped while a text was written', { cause: signal.reason })
    const logits = await next(alive.map(({ tokens }) => tokens))
    const V = logits.length / alive.length
    const count = beams - ended.length
    const longer = alive.flatMap((beam, i) =>
      likeliest(logits.subarray(i * V, (i + 1) * V), { count, never }).map(([token, logProbability]) => {
        return { beam, token, logProbability: beam.logProbability + logProbability }
      }),
    )
    const kept = longer.sort((a, b) => b.logProbability - a.logProbability).slice(0, count)
    for (const { beam, token, logProbability } of kept) if (token === end) finish({ ...beam, logProbability }, length)
    alive = kept
      .filter(({ token }) => token !== end)
      .map(({ beam, token, logProbability }) => ({ tokens: [...beam.tokens, token], logProbability }))
    // Probabilities only fall: the most that a text can reach is its own now, under the mildest penalty.
    const hope = Math.max(...alive.map(({ logProbability }) => score(logProbability, most - 1)))
    if (ended.some((text) => text.score >= hope)) alive = []
  }
  for (const beam of alive) finish(beam, most - 1)
  return ended.sort((a, b) => b.score - a.score)
}

/** The tokens with the largest logits, with the logarithm of their probability among all that may be written. */
function likeliest(logits: Float32Array, { count, never }: { count: number; never: readonly number[] }) {
  const row = Float64Array.from(logits)
  for (const token of never) row[token] = -Infinity
  const largest = row.reduce((a, b) => Math.max(a, b), -Infinity)
  const norm = largest + Math.log(row.reduce((sum, x) => sum + Math.exp(x - largest), 0))
  return Array.from(row.keys())
    .filter((token) => row[token] > -Infinity)
    .sort((a, b) => row[b] - row[a])
    .slice(0, count)
    .map((token): [number, number] => [token, row[token] - norm])
}
