import assert from 'node:assert/strict'
import { test } from 'node:test'
import { evaluate } from '../../test/on-node.ts'
import { input, type Tensor } from '../graph/index.ts'
import { add, cumsum } from '../ops/index.ts'
import { throughTime, withinFrames } from './space-time.ts'

const [T, S, B, D] = [2, 3, 2, 2]
const x = input('x', [T * S, B, D])
const feeds = { x: Float32Array.from({ length: T * S * B * D }, (_, i) => i) }
const at = (values: ArrayLike<number>, t: number, s: number, b: number, d: number) =>
  values[((t * S + s) * B + b) * D + d]

/** Checks every number of y against a sum over the tokens that came before in its sequence. */
async function assertSums(y: Tensor, before: (t: number, s: number) => [number, number][]) {
  const got = (await evaluate({ y }, feeds)).y
  for (let t = 0; t < T; t++)
    for (let s = 0; s < S; s++)
      for (let b = 0; b < B; b++)
        for (let d = 0; d < D; d++) {
          const want = before(t, s).reduce((sum, [u, r]) => sum + at(feeds.x, u, r, b, d), 0)
          assert.equal(at(got, t, s, b, d), want, `frame ${t}, place ${s}, sample ${b}, column ${d}`)
        }
}

const upTo = (n: number) => Array.from({ length: n + 1 }, (_, i) => i)

test('within frames, a sequence holds the places of one frame of one sample', async () => {
  await assertSums(withinFrames(T, (y) => cumsum(y, 0))(x), (t, s) => upTo(s).map((r) => [t, r]))
})

test('through time, a sequence holds the frames of one place of one sample', async () => {
  await assertSums(throughTime(T, (y) => cumsum(y, 0))(x), (t, s) => upTo(t).map((u) => [u, s]))
})

test('several tensors go together', async () => {
  const y = withinFrames(T, (a, b) => add(a, b))(x, x)
  assert.deepEqual(
    (await evaluate({ y }, feeds)).y,
    feeds.x.map((value) => 2 * value),
  )
})

test('tokens that are not the same for every frame are refused', () => {
  assert.throws(() => throughTime(4, (y) => y)(x), /space-time: frames must divide the tokens/)
})
