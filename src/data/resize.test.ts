import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { movingDisc } from '../../test/emoji-packages.ts'
import type { Clip } from '../files/clip.ts'
import { decodeClip, encodeWebp } from '../files/webp.ts'
import { cropToDrawn, padTo, padToSquare, resizeClip, spreadColours } from './resize.ts'

const still = (frames: Uint8Array, width: number, height: number): Clip => ({ frames, count: 1, width, height, fps: 0 })

/** A picture of one colour with random alpha; what is not seen has another, glaring colour. */
const oneColour = fc
  .record({
    width: fc.integer({ min: 1, max: 24 }),
    height: fc.integer({ min: 1, max: 24 }),
    colour: fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255)),
    seed: fc.uint8Array({ minLength: 24 * 24, maxLength: 24 * 24 }),
  })
  .map(({ width, height, colour, seed }) => {
    const frames = new Uint8Array(width * height * 4)
    for (let p = 0; p < width * height; p++) {
      const alpha = seed[p] < 100 ? 0 : seed[p]
      frames.set(alpha > 0 ? [...colour, alpha] : [0, 255, 0, 0], p * 4)
    }
    return { clip: still(frames, width, height), colour }
  })
const side = fc.integer({ min: 1, max: 40 })

test('what hides under transparent pixels leaves no fringe, at any size', () => {
  fc.assert(
    fc.property(oneColour, side, side, ({ clip, colour }, width, height) => {
      const { frames } = resizeClip(clip, width, height)
      for (let i = 0; i < frames.length; i += 4) {
        if (frames[i + 3] > 0) assert.deepEqual([...frames.subarray(i, i + 3)], colour)
      }
    }),
  )
})

test('the mean of alpha stays, at any size', () => {
  const alpha = ({ frames, width, height }: Clip) =>
    frames.reduce((sum, value, i) => (i % 4 === 3 ? sum + value : sum), 0) / (width * height)
  fc.assert(
    fc.property(oneColour, side, side, ({ clip }, width, height) => {
      assert.ok(Math.abs(alpha(resizeClip(clip, width, height)) - alpha(clip)) <= 0.5)
    }),
  )
})

test('halving averages four pixels, each by how much of it is seen', () => {
  const source = still(Uint8Array.of(200, 0, 0, 255, 0, 100, 0, 85, 9, 9, 9, 0, 9, 9, 9, 0), 2, 2)
  // Seen: 255 of red 200 and 85 of green 100, of 4 · 255: r = 200 · 255 / 340, g = 100 · 85 / 340.
  assert.deepEqual([...resizeClip(source, 1, 1).frames], [150, 25, 0, 85])
})

test('each frame is resized by itself', () => {
  const clip = movingDisc(4, 16, [10, 200, 90])
  const small = resizeClip(clip, 7, 5)
  for (let t = 0; t < 4; t++) {
    const frame = still(clip.frames.slice(t * 1024, (t + 1) * 1024), 16, 16)
    assert.deepEqual(small.frames.slice(t * 140, (t + 1) * 140), resizeClip(frame, 7, 5).frames)
  }
})

test('spreading colours changes nothing that is seen, and keeps a lossy codec from darkening the edge', async () => {
  const clip = resizeClip(movingDisc(1, 128, [255, 210, 30]), 32, 32)
  const spread = spreadColours(clip, 3)
  let unseen = 0
  for (let i = 0; i < clip.frames.length; i += 4) {
    if (clip.frames[i + 3] > 0) assert.deepEqual(spread.frames.slice(i, i + 4), clip.frames.slice(i, i + 4))
    else if (spread.frames[i] > 0) unseen++
  }
  assert.ok(unseen > 0)
  const edgeRed = async (picture: Clip) => {
    const { frames } = await decodeClip(await encodeWebp(picture, { quality: 80 }))
    const edge = frames.filter((_, i) => i % 4 === 0 && frames[i + 3] > 0 && frames[i + 3] < 255)
    return Math.min(...edge)
  }
  const red = await edgeRed(spread)
  assert.ok(red > 200, `${red}`)
})

test('a picture is centred on a transparent square', () => {
  const padded = padToSquare(still(new Uint8Array(2 * 4 * 4).fill(255), 2, 4))
  assert.deepEqual([padded.width, padded.height], [4, 4])
  assert.deepEqual([...padded.frames.subarray(0, 16)], [0, 0, 0, 0, ...new Array(8).fill(255), 0, 0, 0, 0])
})

test('a picture is centred on a larger frame', () => {
  const padded = padTo(still(new Uint8Array(2 * 4).fill(255), 2, 1), { width: 4, height: 3 })
  assert.deepEqual([padded.width, padded.height], [4, 3])
  const seen = [...padded.frames].flatMap((value, i) => (value === 255 && i % 4 === 3 ? [Math.floor(i / 4)] : []))
  assert.deepEqual(seen, [5, 6])
})

test('a size that is no whole number above 0 is refused', () => {
  assert.throws(() => resizeClip(movingDisc(1, 8, [1, 1, 1]), 0, 8), /whole numbers above 0 \(got 0×8\)/)
})

test('cropping keeps the rectangle of all that is seen in any frame', () => {
  const frames = new Uint8Array(2 * 5 * 4 * 4) // two frames of 5 × 4
  const set = (t: number, x: number, y: number, alpha: number) =>
    frames.set([9, 8, 7, alpha], 4 * ((t * 4 + y) * 5 + x))
  set(0, 1, 2, 255)
  set(1, 3, 1, 90)
  set(1, 4, 3, 3) // too faint to be seen
  const cropped = cropToDrawn({ frames, count: 2, width: 5, height: 4, fps: 0 })
  assert.deepEqual([cropped.width, cropped.height, cropped.count], [3, 2, 2])
  const alpha = [...cropped.frames].filter((_, i) => i % 4 === 3)
  assert.deepEqual(alpha, [0, 0, 0, 255, 0, 0, 0, 0, 90, 0, 0, 0])
  const empty = { frames: new Uint8Array(16), count: 1, width: 2, height: 2, fps: 0 }
  assert.equal(cropToDrawn(empty), empty)
})
