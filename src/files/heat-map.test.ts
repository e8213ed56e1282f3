import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Clip } from './clip.ts'
import { withHeatMap } from './heat-map.ts'

/** Frames of one grey. */
const plain = (width: number, height: number, { count = 1, grey = 128 } = {}): Clip => {
  const frames = new Uint8Array(count * width * height * 4).fill(grey)
  return { frames: frames.map((byte, i) => (i % 4 === 3 ? 255 : byte)), count, width, height, fps: count > 1 ? 10 : 0 }
}

/** Lightness of a pixel. */
function light({ frames, width }: Clip, x: number, y: number): number {
  const [r, g, b] = frames.subarray(4 * (y * width + x), 4 * (y * width + x) + 3)
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

test('in the middle of each patch, the more it was looked at the lighter it is', () => {
  const values = fc.uniqueArray(fc.integer({ min: 0, max: 30 }), { minLength: 16, maxLength: 16 })
  fc.assert(
    fc.property(values, fc.nat({ max: 255 }), (values, grey) => {
      const options = { grid: [4, 4], least: Math.min(...values), most: Math.max(...values) } as const
      const seen = withHeatMap(plain(12, 12, { grey }), [Float32Array.from(values)], options)
      const middles = values.map((value, i) => ({
        value,
        light: light(seen, 3 * (i % 4) + 1, 3 * Math.floor(i / 4) + 1),
      }))
      const rising = middles.sort((a, b) => a.value - b.value).map(({ light }) => light)
      for (let i = 1; i < 16; i++) assert.ok(rising[i] > rising[i - 1], `${rising}`)
    }),
  )
})

test('a picture that is not square stands in the middle of the map', () => {
  const rows = Float32Array.from({ length: 16 }, (_, i) => Math.floor(i / 4)) // hotter from row to row
  const options = { grid: [4, 4], least: 0, most: 3 } as const
  const square = withHeatMap(plain(16, 16), [rows], options)
  const wide = withHeatMap(plain(16, 8), [rows], options)
  assert.deepEqual([wide.width, wide.height], [16, 8])
  for (let y = 0; y < 8; y++) assert.equal(light(wide, 5, y), light(square, 5, y + 4))
})

test('each frame has its own map, and what is transparent is shown on white', () => {
  const [cold, hot] = [new Float32Array(4), new Float32Array(4).fill(1)]
  const options = { grid: [2, 2], least: 0, most: 1 } as const
  const clip = plain(4, 4, { count: 2, grey: 0 })
  const seen = withHeatMap(clip, [cold, hot], options)
  assert.deepEqual([seen.count, seen.fps], [2, 10])
  assert.ok(seen.frames[4 * 16] > seen.frames[0])
  const clear = withHeatMap({ ...clip, frames: new Uint8Array(clip.frames.length) }, [cold, hot], options)
  assert.ok(clear.frames[0] > seen.frames[0])
  assert.ok(clear.frames.every((byte, i) => i % 4 !== 3 || byte === 255))
})

test('where all is looked at alike, nothing is hot; a map of another form is refused', () => {
  const even = new Float32Array(4).fill(0.2)
  const seen = withHeatMap(plain(4, 4), [even], { grid: [2, 2], least: 0.2, most: 0.2 })
  const cold = withHeatMap(plain(4, 4), [new Float32Array(4)], { grid: [2, 2], least: 0, most: 1 })
  assert.deepEqual(seen.frames, cold.frames)
  const options = { grid: [3, 3], least: 0, most: 1 } as const
  const refused = { code: 'usage', message: 'withHeatMap: 1 frames need as many maps of 3 × 3 numbers' }
  assert.throws(() => withHeatMap(plain(4, 4), [even], options), refused)
  assert.throws(() => withHeatMap(plain(4, 4), [], options), refused)
})
