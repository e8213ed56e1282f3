import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { stream } from '../random.ts'
import { beamSearch, type NextToken } from './beam-search.ts'

const [V, start, end, most] = [4, 3, 0, 5]

/** Logits that are a function of the text alone. */
const toy =
  (seed: number): NextToken =>
  (texts) =>
    Promise.resolve(
      Float32Array.from(
        texts.flatMap((text) => [
          ...stream({ seed, purpose: text.join() })
            .normal(V)
            .map((z) => 2 * z),
        ]),
      ),
    )

/** Every text there is, with its score. */
async function all(next: NextToken, lengthPenalty: number) {
  const found: { tokens: number[]; score: number }[] = []
  const score = (logProbability: number, length: number) => logProbability / ((5 + length) / 6) ** lengthPenalty
  const visit = async (text: number[], logProbability: number): Promise<void> => {
    if (text.length === most) {
      found.push({ tokens: text.slice(1), score: score(logProbability, most - 1) })
      return
    }
    const logits = await next([text])
    const norm = Math.log(logits.reduce((sum, x) => sum + Math.exp(x), 0))
    for (let token = 0; token < V; token++) {
      const sum = logProbability + logits[token] - norm
      if (token === end) found.push({ tokens: text.slice(1), score: score(sum, text.length) })
      else await visit([...text, token], sum)
    }
  }
  await visit([start], 0)
  return found.sort((a, b) => b.score - a.score)
}

test('with room for every text, beam search finds the best of all, under any length penalty', () =>
  fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 1e6 }), fc.double({ min: 0, max: 2, noNaN: true }), async (seed, a) => {
      const [best] = await all(toy(seed), a)
      const [found] = await beamSearch(toy(seed), { start, end, most, beams: 3 ** 4 + 40, lengthPenalty: a })
      assert.deepEqual(found.tokens, best.tokens)
      assert.ok(Math.abs(found.score - best.score) < 1e-5)
    }),
    { numRuns: 30 },
  ))

test('one beam takes the likeliest token each time', () =>
  fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 1e6 }), async (seed) => {
      const text = [start]
      while (text.length < most) {
        const logits = await toy(seed)([text])
        const token = logits.indexOf(Math.max(...logits))
        if (token === end) break
        text.push(token)
      }
      assert.deepEqual((await beamSearch(toy(seed), { start, end, most }))[0].tokens, text.slice(1))
    }),
    { numRuns: 30 },
  ))

test('two beams find a likelier text than greed where the first step misleads', async () => {
  const tables: Record<string, number[]> = { '3': [0, 0.4, 0.6, 0], '3,1': [0.9, 0.1, 0, 0], '3,2': [0.5, 0.5, 0, 0] }
  const next: NextToken = async (texts) =>
    Float32Array.from(texts.flatMap((text) => (tables[text.join()] ?? [1, 0, 0, 0]).map(Math.log)))
  const greedy = await beamSearch(next, { start, end, most })
  const beam = await beamSearch(next, { start, end, most, beams: 2 })
  assert.deepEqual([greedy[0].tokens, beam[0].tokens], [[2], [1]])
  assert.ok(Math.abs(Math.exp(beam[0].logProbability) - 0.36) < 1e-6)
})

test('a larger length penalty writes no shorter text', async () => {
  for (let seed = 0; seed < 20; seed++) {
    const length = async (lengthPenalty: number) =>
      (await beamSearch(toy(seed), { start, end, most, beams: 120, lengthPenalty }))[0].tokens.length
    assert.ok((await length(2)) >= (await length(0)), `seed ${seed}`)
  }
})

test('tokens that are never written have no share of the probability', async () => {
  const even: NextToken = async (texts) => new Float32Array(texts.length * V)
  const [found] = await beamSearch(even, { start, end, most: 2, never: [1, 2, 3] })
  assert.deepEqual(found, { tokens: [], logProbability: 0, score: 0 })
})

test('senseless numbers and an aborted signal are told', async () => {
  await assert.rejects(beamSearch(toy(1), { start, end, most, beams: 0 }), /beam search: beams from 1/)
  await assert.rejects(beamSearch(toy(1), { start, end, most, signal: AbortSignal.abort() }), { code: 'stopped' })
})
