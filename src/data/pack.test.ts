import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { stream } from '../random.ts'
import { filled, pack } from './pack.ts'

test('every item lies in one row, no row is too long, and without waiting rows windows do not mix', () => {
  const options = fc.record({
    length: fc.integer({ min: 8, max: 40 }),
    window: fc.integer({ min: 1, max: 9 }),
    decreasing: fc.boolean(),
    most: fc.integer({ min: 1, max: 4 }),
    open: fc.integer({ min: 0, max: 2 }),
  })
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 8 }), { maxLength: 40 }), options, (lengths, settings) => {
      const rows = pack(lengths, settings)
      assert.deepEqual(
        rows.flat().sort((a, b) => a - b),
        [...lengths.keys()],
      )
      for (const row of rows) {
        assert.ok(row.length <= settings.most)
        assert.ok(row.reduce((sum, i) => sum + lengths[i], 0) <= settings.length)
        if (settings.open === 0) assert.equal(new Set(row.map((i) => Math.floor(i / settings.window))).size, 1)
      }
      assert.deepEqual(pack(lengths, settings), rows)
    }),
  )
})

test('in the order of arrival each item takes the first row with room; decreasing needs fewer rows', () => {
  assert.deepEqual(pack([3, 5, 5, 2, 4], { length: 8, decreasing: false }), [[0, 1], [2, 3], [4]])
  const lengths = [2, 2, 2, 2, 6, 6, 6, 6]
  assert.equal(pack(lengths, { length: 8, decreasing: false }).length, 5)
  assert.deepEqual(pack(lengths, { length: 8 }), [
    [4, 0],
    [5, 1],
    [6, 2],
    [7, 3],
  ])
})

test('pictures of any size and shape fill 96 % of rows of 256 tokens with a window of 64', () => {
  const uniform = stream({ seed: 1, purpose: 'sizes' }).uniform(4000)
  const lengths = Array.from({ length: 2000 }, (_, i) => {
    const area = 16 + 180 * uniform[2 * i]
    const aspect = 2 ** (2 * uniform[2 * i + 1] - 1)
    return Math.max(1, Math.round(Math.sqrt(area * aspect))) * Math.max(1, Math.round(Math.sqrt(area / aspect)))
  })
  const share = (options: object) => filled(pack(lengths, { length: 256, ...options }), lengths, 256)
  assert.ok(share({}) > 0.96, `${share({})}`)
  assert.ok(share({}) > share({ decreasing: false }))
  assert.ok(share({}) > share({ open: 0 }))
  assert.equal(share({ window: 1, open: 0 }), lengths.reduce((a, b) => a + b) / (2000 * 256)) // a row for each
})

test('an item that fits no row, or has no length, is refused', () => {
  for (const bad of [9, 0, -1, Number.NaN])
    assert.throws(() => pack([3, bad], { length: 8 }), {
      code: 'usage',
      message: `pack: item 1 has ${bad} tokens; it must have 1 to 8, the tokens of a row`,
    })
})
