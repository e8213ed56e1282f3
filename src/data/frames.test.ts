import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { movingDisc } from '../../test/emoji-packages.ts'
import { frameOf } from '../files/clip.ts'
import { decodeClip, encodeWebp } from '../files/webp.ts'
import { frameAtEach, pickFrames, takeFrames } from './frames.ts'

const size = { source: fc.integer({ min: 1, max: 120 }), count: fc.integer({ min: 1, max: 60 }) }

test('with equal delays, frame k of n is source frame round(k·F/n) mod F', () => {
  fc.assert(
    fc.property(size.source, size.count, fc.integer({ min: 1, max: 90 }), (F, n, delay) => {
      const expected = Array.from({ length: n }, (_, k) => Math.round((k * F) / n) % F)
      assert.deepEqual(pickFrames(new Array(F).fill(delay), n), expected)
    }),
  )
})

test('the picked frames close the loop: the step from last to first is no longer than any other', () => {
  fc.assert(
    fc.property(size.source, size.count, (F, n) => {
      const picked = pickFrames(new Array(F).fill(42), n)
      assert.equal(picked[0], 0)
      const steps = picked.map((frame, k) => (picked[(k + 1) % n] - frame + F) % F)
      if (n <= F) assert.equal(n === 1 ? F : steps.reduce((a, b) => a + b), F)
      if (n > 1 && n <= F) assert.ok(steps[n - 1] <= Math.max(...steps.slice(0, -1), 1))
    }),
  )
})

test('a frame that is shown for long is picked for as long', () => {
  // The first frame lasts half of the loop, so half of the moments show it.
  assert.deepEqual(pickFrames([40, 10, 10, 10, 10], 8), [0, 0, 0, 0, 1, 2, 3, 4])
})

test('the clip that is taken lasts as long as its source', () => {
  const source = { ...movingDisc(72, 8, [1, 2, 3]), delays: new Array(72).fill(42) }
  const clip = takeFrames(source, 17)
  assert.ok(Math.abs(clip.count / clip.fps - (72 * 42) / 1000) < 1e-9)
  assert.deepEqual(frameOf(clip, 5), frameOf(source, Math.round((5 * 72) / 17)))
})

test('frames that an encoder joined come apart again', async () => {
  const order = [0, 0, 0, 1, 2, 2, 3, 4, 4, 4, 4, 5, 6, 7, 7, 0, 0]
  const discs = movingDisc(16, 16, [250, 20, 20])
  const frames = new Uint8Array(Buffer.concat(order.map((t) => frameOf(discs, t))))
  const clip = { frames, count: 17, width: 16, height: 16, fps: 5.62 }
  const stored = await decodeClip(await encodeWebp(clip, { quality: 'lossless' }))
  assert.ok(stored.count < 17)
  assert.deepEqual(frameAtEach(stored, 17, 5.62).frames, frames)
})

test('more frames than memory should hold are refused', () => {
  const large = { frames: new Uint8Array(0), count: 2, width: 2 ** 13, height: 2 ** 12, fps: 10, delays: [100, 100] }
  assert.throws(() => takeFrames(large, 17), {
    code: 'input',
    message: /^17 frames of 8192×4096 are more than 268435456/,
  })
})

test('a count or delays that make no sense are refused', () => {
  assert.throws(() => pickFrames([42, 42], 0), /a whole number above 0 \(got 0\)/)
  assert.throws(() => pickFrames([], 4), /a sum above 0/)
})
