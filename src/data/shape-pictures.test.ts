import assert from 'node:assert/strict'
import { test } from 'node:test'
import { shapePictures } from './shape-pictures.ts'
import { keys, shapeColours, shapeKinds } from './shapes.ts'

test('a picture is white but for its shapes, which have the colour of the label', () => {
  const size = 48
  const { pixels, labels, scenes } = shapePictures({ count: 20, size, seed: 3 })
  for (const [n, [{ shape, colour, cells }]] of scenes.entries()) {
    assert.equal(keys(shapeKinds)[labels.shape[n]], shape)
    assert.equal(keys(shapeColours)[labels.colour[n]], colour)
    assert.equal(cells.length, 1)
    const at = (i: number) => [0, 1, 2].map((c) => pixels[(3 * n + c) * size * size + i])
    const all = Array.from({ length: size * size }, (_, i) => at(i))
    assert.ok(all.every((rgb) => rgb.every((v) => v >= -1 && v <= 1)))
    const white = all.filter((rgb) => rgb.every((v) => v === 1)).length
    assert.ok(white > 0.6 * size * size && white < size * size, `${white}`)
    const wanted = shapeColours[colour].rgb.map((v) => v / 127.5 - 1)
    assert.ok(
      all.some((rgb) => rgb.every((v, c) => Math.abs(v - wanted[c]) < 0.02)),
      `${n}: ${shape} ${colour}`,
    )
  }
})

test('pictures depend on the seed and their place alone', () => {
  const few = shapePictures({ count: 3, size: 12, seed: 5 })
  const more = shapePictures({ count: 5, size: 12, seed: 5 })
  assert.deepEqual(more.pixels.subarray(0, few.pixels.length), few.pixels)
  assert.notDeepEqual(shapePictures({ count: 3, size: 12, seed: 6 }).pixels, few.pixels)
})
