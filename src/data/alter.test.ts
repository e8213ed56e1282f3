import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { generator } from '../../test/draw.ts'
import { stream } from '../random.ts'
import { alter, drawAttributes } from './alter.ts'
import { namedColours } from './prompts.ts'

/** A clip of noise whose hidden colours are 0, as no change keeps what is not seen. */
function noise(seed: number, size = 16, frames = 5) {
  const uniform = generator(seed)
  const bytes = Uint8Array.from({ length: frames * size * size * 4 }, () => 256 * uniform())
  for (let i = 0; i < bytes.length; i += 4) if (bytes[i + 3] < 64) bytes.fill(0, i, i + 4)
  return { frames, size, bytes }
}

const frameOf = ({ bytes, size }: { bytes: Uint8Array; size: number }, t: number) =>
  bytes.subarray(t * size * size * 4, (t + 1) * size * size * 4)

const alphaOf = (bytes: Uint8Array) => bytes.filter((_, i) => i % 4 === 3)

test('what is mirrored twice is the original, once it is read from right to left', () => {
  fc.assert(
    fc.property(fc.nat(), fc.constantFrom(8, 16, 17), (seed, size) => {
      const clip = noise(seed, size, 2)
      const once = alter(clip, { mirrored: true })
      assert.deepEqual(alter({ ...clip, bytes: once }, { mirrored: true }), clip.bytes)
      for (let y = 0; y < size; y++)
        for (let x = 0; x < size; x++) {
          const at = (column: number) => 4 * ((size + y) * size + column)
          assert.deepEqual(once.subarray(at(x), at(x) + 4), clip.bytes.subarray(at(size - 1 - x), at(size - 1 - x) + 4))
        }
    }),
    { numRuns: 20 },
  )
})

test('a reversed loop keeps frame 0 and shows the others from the end; reversed twice it is the original', () => {
  const clip = noise(1)
  const back = { ...clip, bytes: alter(clip, { reversed: true }) }
  for (let t = 0; t < 5; t++) assert.deepEqual(frameOf(back, t), frameOf(clip, (5 - t) % 5), `frame ${t}`)
  assert.deepEqual(alter(back, { reversed: true }), clip.bytes)
})

test('recolouring keeps alpha, and light stays lighter than dark', () => {
  for (const colour of namedColours) {
    const clip = noise(2)
    const painted = alter(clip, { colour })
    assert.deepEqual(alphaOf(painted), alphaOf(clip.bytes))
    const [dark, light] = [40, 210].map((value) => {
      const bytes = Uint8Array.of(value, value, value, 255)
      return alter({ frames: 1, size: 1, bytes }, { colour })
    })
    const sum = (pixel: Uint8Array) => pixel[0] + pixel[1] + pixel[2]
    assert.ok(sum(light) > sum(dark) + 100, colour.en)
  }
})

test('a recoloured picture has the hue that its words say', () => {
  /** Hue in degrees, or undefined for a gray. */
  const hueOf = ([r, g, b]: Uint8Array) => {
    const [most, least] = [Math.max(r, g, b), Math.min(r, g, b)]
    if (most - least < 3) return undefined
    const sixth =
      most === r ? (g - b) / (most - least) : most === g ? 2 + (b - r) / (most - least) : 4 + (r - g) / (most - least)
    return (60 * sixth + 360) % 360
  }
  for (const colour of namedColours)
    for (const source of [
      [200, 30, 40],
      [20, 60, 220],
      [128, 128, 128],
    ]) {
      const painted = alter({ frames: 1, size: 1, bytes: Uint8Array.of(...source, 255) }, { colour })
      const hue = hueOf(painted)
      if (colour.hue < 0) assert.equal(hue, undefined, colour.en)
      else assert.ok(Math.abs(((hue! - colour.hue + 540) % 360) - 180) < 4, `${colour.en}: ${hue}`)
    }
})

test('a small picture is the whole one in the middle, two are the same one twice side by side', () => {
  const size = 32
  const clip = { frames: 1, size, bytes: new Uint8Array(size * size * 4) }
  // A full square, red on the left half and blue on the right.
  for (let i = 0; i < size * size; i++) clip.bytes.set(i % size < size / 2 ? [255, 0, 0, 255] : [0, 0, 255, 255], 4 * i)
  const seen = (bytes: Uint8Array) => {
    const columns = Array.from({ length: size }, (_, x) => bytes[4 * ((size / 2) * size + x) + 3] > 0)
    const rows = Array.from({ length: size }, (_, y) => bytes[4 * (y * size + size / 4) + 3] > 0)
    return [columns.indexOf(true), columns.lastIndexOf(true), rows.indexOf(true), rows.lastIndexOf(true)]
  }
  assert.deepEqual(seen(alter(clip, { small: true })), [7, 24, 7, 24])
  const two = alter(clip, { two: true })
  assert.deepEqual(seen(two), [0, 31, 8, 23])
  const row = two.subarray(4 * size * 16, 4 * size * 17)
  assert.deepEqual(row.subarray(0, 2 * size), row.subarray(2 * size))
  assert.deepEqual([...row.subarray(4, 8), ...row.subarray(4 * 14, 4 * 15)], [255, 0, 0, 255, 0, 0, 255, 255])
  const both = alter(clip, { two: true, small: true })
  assert.ok(seen(both)[0] > 0 && alphaOf(both).filter((a) => a > 0).length < alphaOf(two).filter((a) => a > 0).length)
})

test('shrinking mixes colours by what is seen of them: no dark edges from hidden pixels', () => {
  const clip = noise(3, 32, 1)
  for (let i = 0; i < clip.bytes.length; i += 4) clip.bytes.set(i % 8 === 0 ? [250, 200, 10, 255] : [0, 0, 0, 0], i)
  const small = alter(clip, { small: true })
  for (let i = 0; i < small.length; i += 4)
    if (small[i + 3] > 0) assert.deepEqual([...small.subarray(i, i + 3)], [250, 200, 10])
})

test('without attributes the clip is the same, and no change touches its source', () => {
  const clip = noise(4)
  const before = Uint8Array.from(clip.bytes)
  assert.deepEqual(alter(clip, {}), before)
  alter(clip, { mirrored: true, reversed: true, colour: namedColours[0], small: true, two: true })
  assert.deepEqual(clip.bytes, before)
})

test('attributes are drawn so that each occurs, something always does, and a still is never reversed', () => {
  const drawn = (moving: boolean) =>
    Array.from({ length: 2000 }, (_, sample) => drawAttributes(stream({ seed: 0, purpose: 'a', sample }), moving))
  const count = (list: ReturnType<typeof drawn>, name: keyof (typeof list)[0]) => list.filter((one) => one[name]).length
  for (const [moving, list] of [
    [true, drawn(true)],
    [false, drawn(false)],
  ] as const) {
    assert.ok(list.every((one) => Object.values(one).some(Boolean)))
    assert.ok(Math.abs(count(list, 'colour') / 2000 - 0.5) < 0.05)
    for (const name of ['small', 'two', 'mirrored'] as const) assert.ok(count(list, name) > 100, name)
    assert.equal(count(list, 'reversed') > 100, moving)
  }
  const colours = new Set(drawn(true).map(({ colour }) => colour?.en))
  assert.equal(colours.size, namedColours.length + 1)
})
