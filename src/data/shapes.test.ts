import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { stream } from '../random.ts'
import { captionShapes } from './shape-captions.ts'
import {
  drawScene,
  paintShapes,
  placedShapes,
  type ShapeScene,
  shapeColours,
  shapeKinds,
  shapePlaces,
} from './shapes.ts'

const scene = (sample: number) => drawScene(stream({ seed: 7, purpose: 'scene', sample }))
const scenes = fc.nat(100_000).map(scene)

/** Number of opaque pixels of each colour in each cell. */
function seen(bytes: Uint8Array, size: number) {
  const found = new Map<string, number>()
  for (let i = 0; i < size * size; i++) {
    if (bytes[4 * i + 3] < 255) continue
    const colour = Object.entries(shapeColours).find(([, { rgb }]) => rgb.every((v, c) => v === bytes[4 * i + c]))
    const cell = 3 * Math.floor((3 * Math.floor(i / size)) / size) + Math.floor((3 * (i % size)) / size)
    const key = `${colour?.[0]} ${cell}`
    found.set(key, (found.get(key) ?? 0) + 1)
  }
  return found
}

test('what is painted is what the labels say: each cell holds its colour and nothing else', () => {
  fc.assert(
    fc.property(scenes, (drawn) => {
      const wanted = drawn.flatMap(({ colour, cells }) => cells.map((cell) => `${colour} ${cell}`)).sort()
      const found = seen(paintShapes(placedShapes(drawn), 96), 96)
      assert.deepEqual([...found.keys()].sort(), wanted)
      assert.ok(Math.min(...found.values()) > 20)
    }),
    { numRuns: 50 },
  )
})

test('every shape fits into its circle and has a form of its own', () => {
  const areas = Object.keys(shapeKinds).map((shape) => {
    const placed = { shape: shape as keyof typeof shapeKinds, colour: 'red', x: 0.5, y: 0.5, radius: 0.4 } as const
    const bytes = paintShapes([placed], 100)
    let area = 0
    for (let i = 0; i < 100 * 100; i++) {
      area += bytes[4 * i + 3] / 255
      const far = Math.hypot((i % 100) + 0.5 - 50, Math.floor(i / 100) + 0.5 - 50)
      assert.ok(bytes[4 * i + 3] === 0 || far < 46.5, `${shape} reaches ${far}`) // a square's corners: 0.8 √2 of 40
    }
    return Math.round(area)
  })
  assert.equal(new Set(areas).size, areas.length, `${areas}`)
  const exact = { circle: Math.PI * 38 ** 2, square: 64 ** 2 }
  assert.ok(Math.abs(areas[0] - exact.circle) < 20 && Math.abs(areas[1] - exact.square) < 2, `${areas}`)
})

test('a later shape lies above an earlier one, and its edge mixes both', () => {
  const placed = (colour: 'red' | 'blue', x: number) => ({ shape: 'square', colour, x, y: 0.5, radius: 0.3 }) as const
  const bytes = paintShapes([placed('red', 0.4), placed('blue', 0.604)], 50)
  const at = (x: number) => [...bytes.subarray(4 * (25 * 50 + x), 4 * (25 * 50 + x) + 4)]
  assert.deepEqual(at(35), [...shapeColours.blue.rgb, 255])
  assert.deepEqual(at(10), [...shapeColours.red.rgb, 255])
  const edge = at(18)
  assert.ok(edge[3] === 255 && edge[0] > 40 && edge[0] < 222, `${edge}`)
})

test('captions say count, colour and shape, and the long ones size and place', () => {
  const drawn: ShapeScene = [
    { shape: 'cross', colour: 'orange', size: 'large', cells: [0, 7] },
    { shape: 'circle', colour: 'blue', size: 'small', cells: [4] },
  ]
  assert.equal(captionShapes(drawn, 'en', 'short'), 'two orange crosses and a blue circle')
  assert.equal(
    captionShapes(drawn, 'en', 'long'),
    'Two large orange crosses at the top left and at the bottom, and a small blue circle in the middle.',
  )
  assert.equal(captionShapes(drawn, 'zh', 'short'), '两个橙色十字和一个蓝色圆形')
  assert.equal(captionShapes(drawn, 'zh', 'long'), '左上角和下方有两个大的橙色十字；中间有一个小的蓝色圆形。')
  assert.equal(captionShapes([{ ...drawn[0], cells: [2] }], 'en', 'short'), 'an orange cross')
})

test('long captions of different scenes differ, in both languages', () => {
  const all = Array.from({ length: 3000 }, (_, i) => scene(i))
  const different = new Set(all.map((drawn) => JSON.stringify(drawn))).size
  for (const language of ['en', 'zh'] as const)
    assert.equal(new Set(all.map((drawn) => captionShapes(drawn, language, 'long'))).size, different)
})

test('scenes that cannot fit are refused', () => {
  const random = stream({ seed: 0, purpose: 'scene' })
  assert.throws(() => drawScene(random, { groups: 4, count: 3 }), {
    code: 'usage',
    message: `shapes: 4 groups of 3 do not fit into ${shapePlaces.length} cells`,
  })
  assert.throws(() => drawScene(random, { groups: 0 }), { code: 'usage' })
})
