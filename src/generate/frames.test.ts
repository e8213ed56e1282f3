import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { assertClose } from '../../test/close.ts'
import { generator } from '../../test/draw.ts'
import { premultiplied } from '../data/clip-batch.ts'
import { clipFromPlanes, enlarge, planesOf } from './frames.ts'

/** A clip of one frame from pixels of premultiplied red, green, blue and alpha in [0, 1]. */
function frameOf(...pixels: [r: number, g: number, b: number, a: number][]): number[][] {
  const planes = Float32Array.from([0, 1, 2, 3].flatMap((c) => pixels.map((pixel) => 2 * pixel[c] - 1)))
  const clip = clipFromPlanes(planes, { size: { width: pixels.length, height: 1 }, fps: 12 })
  assert.deepEqual([clip.count, clip.width, clip.height, clip.fps], [1, pixels.length, 1, 12])
  return pixels.map((_, i) => [...clip.frames.subarray(4 * i, 4 * i + 4)])
}

test('colour is divided by alpha, so an edge has the colour of what it borders', () => {
  assert.deepEqual(frameOf([0.5, 0.25, 0, 0.5], [1, 0.5, 0, 1]), [
    [255, 128, 0, 128],
    [255, 128, 0, 255],
  ])
})

test('faint pixels are empty, nearly opaque ones opaque, and nothing leaves the range of bytes', () => {
  assert.deepEqual(frameOf([0.01, 0.01, 0.01, 0.02]), [[0, 0, 0, 0]])
  assert.deepEqual(frameOf([0.197, 0.985, 0, 0.985]), [[51, 255, 0, 255]])
  assert.deepEqual(frameOf([3, -2, 0.9, 0.5], [-5, 0, 0, -5], [2, 2, 2, 2]), [
    [255, 0, 255, 128],
    [0, 0, 0, 0],
    [255, 255, 255, 255],
  ])
})

test('it undoes what the autoencoder is given, up to rounding, wherever a pixel is seen', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 2 * 2 * 4 * 3, maxLength: 2 * 2 * 4 * 3 }), (bytes) => {
      const planes = new Float32Array(3 * 16)
      for (let t = 0; t < 3; t++)
        premultiplied(
          bytes.subarray(t * 16, (t + 1) * 16),
          { width: 2, height: 2 },
          planes.subarray(t * 16, (t + 1) * 16),
        )
      const { frames, count } = clipFromPlanes(planes, { size: { width: 2, height: 2 }, fps: 1 })
      assert.equal(count, 3)
      for (let i = 0; i < bytes.length; i += 4) {
        const alpha = bytes[i + 3]
        if (alpha <= 6) continue // taken for noise
        assert.equal(frames[i + 3], alpha > 249 || frames[i + 3] === 255 ? 255 : alpha)
        assert.ok(frames[i + 3] < 255 || alpha >= 249)
        for (let c = 0; c < 3; c++)
          assert.ok(
            Math.abs(frames[i + c] - bytes[i + c]) <= 1,
            `${bytes.subarray(i, i + 4)} → ${frames.subarray(i, i + 4)}`,
          )
      }
    }),
  )
})

const square = (side: number) => ({ width: side, height: side })

test('enlarging keeps planes that are even or rise evenly, and their mean', () => {
  const ramp = Float32Array.from({ length: 2 * 16 }, (_, i) => (i < 16 ? 0.25 : (i % 4) / 4))
  const out = new Float32Array(2 * 64)
  enlarge(ramp, out, { from: square(4), size: square(8) })
  assert.ok(out.subarray(0, 64).every((x) => x === 0.25))
  // Centres of the pixels lie at −1/4, 1/4, 3/4 … of the old ones; the ends stay as they are.
  assertClose(out.subarray(64, 72), [0, 0.0625, 0.1875, 0.3125, 0.4375, 0.5625, 0.6875, 0.75], 1e-6, 'a row')
  const random = Float32Array.from({ length: 16 }, generator(3))
  const large = new Float32Array(256)
  enlarge(random, large, { from: square(4), size: square(16) })
  const mean = (values: Float32Array) => values.reduce((a, b) => a + b) / values.length
  assert.ok(Math.abs(mean(large) - mean(random)) < 1e-6)
})

test('a wide clip becomes planes row by row', () => {
  const bytes = Uint8Array.from({ length: 2 * 4 * 2 * 4 }, (_, i) => (i % 4 === 3 ? 255 : 10 * Math.floor(i / 4)))
  const clip = { frames: bytes, count: 2, width: 4, height: 2, fps: 1 }
  const size = { width: 4, height: 2 }
  assert.deepEqual(clipFromPlanes(planesOf(clip, size), { size, fps: 1 }), clip)
})

test('width and height are enlarged each by its own', () => {
  const steps = [0, 0.25, 0.75, 1] // of two pixels that become four
  const [across, down] = [Float32Array.from([0, 1, 0, 1, 0, 1]), Float32Array.from([0, 0, 0, 1, 1, 1])]
  const [wide, high] = [new Float32Array(4 * 3), new Float32Array(3 * 4)]
  enlarge(across, wide, { from: { width: 2, height: 3 }, size: { width: 4, height: 3 } })
  enlarge(down, high, { from: { width: 3, height: 2 }, size: { width: 3, height: 4 } })
  assert.deepEqual([...wide], [...steps, ...steps, ...steps])
  assert.deepEqual(
    [...high],
    steps.flatMap((step) => [step, step, step]),
  )
})
