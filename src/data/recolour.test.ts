import assert from 'node:assert/strict'
import { test } from 'node:test'
import { recolour } from './recolour.ts'

/** A picture of so many pixels of each colour. */
const picture = (...parts: readonly (readonly [count: number, r: number, g: number, b: number])[]) =>
  Uint8Array.from(parts.flatMap(([count, ...rgb]) => Array.from({ length: count }, () => [...rgb, 255]).flat()))

const pixel = (bytes: Uint8Array, i: number) => [...bytes.subarray(4 * i, 4 * i + 3)]

/** Its hue in degrees: red 0, green 120, blue −120. */
function hue(bytes: Uint8Array, i: number): number {
  const [r, g, b] = pixel(bytes, i)
  return (Math.atan2(Math.sqrt(3) * (g - b), 2 * r - g - b) * 180) / Math.PI
}

test('the main colour turns; eyes, white and a far colour stay', () => {
  const bird = picture([60, 220, 50, 60], [20, 250, 250, 250], [10, 10, 10, 10], [10, 40, 180, 60])
  const blue = recolour(bird, 215)
  const [r, g, b] = pixel(blue, 0)
  assert.ok(b > 150 && b > g && g > r, `${[r, g, b]}`)
  for (const i of [60, 80, 90]) assert.deepEqual(pixel(blue, i), pixel(bird, i), `pixel ${i}`)
})

test('near hues turn together, nearer to each other than before', () => {
  const heart = picture([50, 220, 40, 40], [50, 220, 120, 40])
  const green = recolour(heart, 120)
  for (const i of [0, 50]) {
    const [r, g, b] = pixel(green, i)
    assert.ok(g > 1.5 * r && g > 1.5 * b, `${[r, g, b]}`)
  }
  const [before, after] = [heart, green].map((bytes) => Math.abs(hue(bytes, 50) - hue(bytes, 0)))
  assert.ok(before > 26 && after > 2 && after < 10, `${before}°, then ${after}°`)
})

test('a picture of grays, or with little colour, takes the hue all over', () => {
  const cloud = picture([80, 200, 200, 200], [20, 220, 50, 60])
  for (const i of [0, 80]) {
    const [r, g, b] = pixel(recolour(cloud, 275), i)
    assert.ok(b > r && r > g, `${[r, g, b]}`)
  }
})

test('hue −1 leaves grays of the same lightness; what is not seen stays as it is', () => {
  const bytes = picture([1, 200, 100, 0], [1, 9, 9, 9])
  bytes[7] = 0
  assert.deepEqual([...recolour(bytes, -1)], [100, 100, 100, 255, 9, 9, 9, 0])
  assert.deepEqual([...recolour(bytes, 120).subarray(4)], [9, 9, 9, 0])
})
