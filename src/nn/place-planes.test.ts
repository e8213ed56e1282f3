import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
import { normalNumbers } from '../../test/model.ts'
import { evaluate } from '../../test/on-node.ts'
import { constant, input } from '../graph/index.ts'
import { placeChannels, placePlanes, withPlaces } from './place-planes.ts'

const grid = { frames: 9, height: 8, width: 6 }
const plane = grid.height * grid.width
const all = placePlanes(grid)

/** The planes of one place: [14]. */
const at = (t: number, y: number, x: number) =>
  Array.from({ length: placeChannels }, (_, c) => all[(c * grid.frames + t) * plane + y * grid.width + x])

test('over all frames, and over all rows, the planes have mean 0 and are orthogonal, each of variance 1', () => {
  const frames = Array.from({ length: 9 }, (_, t) => at(t, 0, 0).slice(0, 8))
  const rows = Array.from({ length: 8 }, (_, y) => at(0, y, 0).slice(8, 11))
  for (const table of [frames, rows])
    for (let a = 0; a < table[0].length; a++) {
      assertClose([table.reduce((sum, row) => sum + row[a], 0)], [0], 1e-5, 'mean')
      for (let b = 0; b < table[0].length; b++) {
        const product = table.reduce((sum, row) => sum + row[a] * row[b], 0) / table.length
        assertClose([product], [Number(a === b)], 1e-5, `planes ${a} and ${b}`)
      }
    }
})

test('a place is told by sines and cosines of its turn, then cosines of its row and of its column', () => {
  const [turn, down, across] = [(2 * Math.PI * 4) / 9, (Math.PI * 5.5) / 8, (Math.PI * 2.5) / 6]
  const want = [
    ...[1, 2, 3, 4].map((k) => Math.sin(k * turn)),
    ...[1, 2, 3, 4].map((k) => Math.cos(k * turn)),
    ...[1, 2, 3].map((k) => Math.cos(k * down)),
    ...[1, 2, 3].map((k) => Math.cos(k * across)),
  ]
  assertClose(
    at(4, 5, 2),
    want.map((wave) => Math.SQRT2 * wave),
    1e-6,
    'frame 4, row 5, column 2',
  )
})

test('the loop closes: the last frame is as far from the first as neighbours are', () => {
  const distance = (a: number, b: number) => Math.hypot(...at(a, 0, 0).map((value, c) => value - at(b, 0, 0)[c]))
  assertClose([distance(8, 0)], [distance(3, 4)], 1e-5, 'distance')
  assert.ok(distance(0, 4) > 0.9 * distance(8, 0))
})

test('chosen frames keep their places', () => {
  const some = placePlanes(grid, [2, 7])
  for (let c = 0; c < placeChannels; c++)
    for (const [i, t] of [2, 7].entries())
      assert.deepEqual(
        some.slice((c * 2 + i) * plane, (c * 2 + i + 1) * plane),
        all.slice((c * 9 + t) * plane, (c * 9 + t + 1) * plane),
      )
})

test('latents get the planes behind their own channels, the same in every sample', async () => {
  const shape = [2, 3, 9, 8, 6]
  const [numbers, x] = [normalNumbers(1, ...shape), input('x', shape)]
  const planes = constant(placePlanes(grid), [placeChannels, 9, 8, 6])
  const { own, given } = await evaluate({ own: withPlaces(x), given: withPlaces(x, planes) }, { x: numbers })
  assert.deepEqual(own, given)
  const sample = 9 * plane * (3 + placeChannels)
  for (const b of [0, 1]) {
    const got = (own as Float32Array).subarray(b * sample, (b + 1) * sample)
    assert.deepEqual(got.slice(0, 27 * plane), numbers.slice(b * 27 * plane, (b + 1) * 27 * plane))
    assert.deepEqual(got.slice(27 * plane), all)
  }
  assert.throws(() => withPlaces(input('x', [3, 9, 8, 6])), /withPlaces: x must be \[B, C, T, H, W\]/)
})
