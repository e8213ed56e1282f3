import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { generator } from '../../test/draw.ts'
import { closure } from './loop.ts'
import { amplitude, chanceOfRight, frameChanges, frameDistances, type Loop, rightFrames } from './motion.ts'

/** Frames that each show one number. */
const loop = (...frames: number[]): Loop => ({
  count: frames.length,
  bytes: Uint8Array.from(frames.flatMap((v) => [v, v])),
})

const noise = (count: number, size: number, seed: number): Loop => {
  const uniform = generator(seed)
  return { count, bytes: Uint8Array.from({ length: count * size }, () => 256 * uniform()) }
}

const shifted = ({ count, bytes }: Loop, by: number): Loop => {
  const size = bytes.length / count
  const out = new Uint8Array(bytes.length)
  for (let t = 0; t < count; t++)
    out.set(bytes.subarray(((t + by) % count) * size, (((t + by) % count) + 1) * size), t * size)
  return { count, bytes: out }
}

test('changes are mean absolute differences around the loop, as parts of full range', () => {
  const changes = frameChanges(loop(0, 51, 255, 204))
  assert.deepEqual(
    [...changes].map((x) => Number(x.toFixed(9))),
    [0.2, 0.8, 0.2, 0.8],
  )
  assert.ok(Math.abs(amplitude(changes) - 0.4) < 1e-12)
  assert.deepEqual([amplitude(frameChanges(loop(7))), amplitude(frameChanges(loop(7, 7, 7)))], [0, 0])
})

test('a loop closes where its last step is not the largest', () => {
  assert.deepEqual(closure(Float64Array.of(1, 3, 2, 3)), { last: 3, others: 2, closed: true })
  assert.deepEqual(closure(Float64Array.of(1, 3, 2, 3.1)), { last: 3.1, others: 2, closed: false })
  assert.deepEqual(closure(Float64Array.of(0)), { last: 0, others: 0, closed: true })
})

test('a loop that is the real one, begun elsewhere, is right everywhere at that shift', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 17 }), fc.nat(), fc.nat(), (T, by, seed) => {
      const real = noise(T, 48, seed)
      const found = rightFrames(frameDistances(shifted(real, by % T), real), T)
      assert.deepEqual(found, { inPhase: by % T === 0 ? 1 : 0, best: 1, shift: by % T })
    }),
    { numRuns: 40 },
  )
})

test('distances are those of plain loops, row by drawn frame', () => {
  assert.deepEqual([...frameDistances(loop(0, 10), loop(1, 4))], [1, 16, 81, 36])
})

test('frames as near as the nearest count as right, so a pause can be told from motion', () => {
  const real = loop(0, 0, 0, 100)
  assert.equal(rightFrames(frameDistances(real, real), 4).inPhase, 1)
  // A drawn still shows the pause: right in three frames of four.
  assert.equal(rightFrames(frameDistances(loop(0, 0, 0, 0), real), 4).best, 0.75)
  // Played backwards, the first frame and the middle one are where they belong.
  const steps = loop(0, 50, 100, 200)
  const back = loop(0, 200, 100, 50)
  assert.deepEqual(rightFrames(frameDistances(back, steps), 4), { inPhase: 0.5, best: 0.5, shift: 0 })
})

test('by chance a loop of noise is right as often as is foretold', () => {
  const T = 17
  let [inPhase, best] = [0, 0]
  for (let seed = 0; seed < 100; seed++) {
    const found = rightFrames(frameDistances(noise(T, 24, seed), noise(T, 24, 1000 + seed)), T)
    inPhase += found.inPhase / 100
    best += found.best / 100
  }
  assert.ok(Math.abs(inPhase - 1 / T) < 0.02, `${inPhase}`)
  const different = noise(T, 40, 0)
  const chance = chanceOfRight(frameDistances(different, different), T)
  assert.ok(Math.abs(best - chance.best) < 0.04, `${best}`)
  assert.ok(Math.abs(chance.inPhase - 1 / T) < 0.01 && chance.best > 0.15 && chance.best < 0.25)
})

test('a loop that pauses is guessed more easily than one whose frames all differ', () => {
  const pausing = loop(...Array.from({ length: 16 }, (_, t) => (t % 4 === 3 ? 100 : 0)))
  const { inPhase, best } = chanceOfRight(frameDistances(pausing, pausing), 16)
  // Each frame is right with probability (12 · 12 + 4 · 4) / 16² = 0.625.
  assert.ok(Math.abs(inPhase - 0.625) < 0.02, `${inPhase}`)
  assert.ok(best > inPhase)
})

test('loops of different lengths or sizes cannot be compared', () => {
  assert.throws(() => frameDistances(loop(1, 2), loop(1, 2, 3)), /as many frames of one size \(got 2 and 3 frames/)
})
