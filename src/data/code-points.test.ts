import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { conceptKey, hasSkinTone, isCodePoints, splitOf } from './code-points.ts'

test('every spelling of a concept has one key', () => {
  for (const name of ['0023-FE0F-20E3', '23-20e3', '0023-20e3']) assert.equal(conceptKey(name), '23-20e3')
  for (const name of ['2764-FE0F', '2764', '02764']) assert.equal(conceptKey(name), '2764')
  const england = '1f3f4-e0067-e0062-e0065-e006e-e0067-e007f'
  for (const name of [england.toUpperCase(), '1f3f4-e0067_e0062_e0065_e006e_e0067']) {
    assert.equal(conceptKey(name), england)
  }
})

test('the key of a key is itself', () => {
  const names = fc.array(fc.integer({ min: 1, max: 0x10ffff }), { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(names, (points) => {
      const name = points.map((point) => point.toString(16)).join('-')
      assert.ok(isCodePoints(name))
      assert.equal(conceptKey(conceptKey(name)), conceptKey(name))
    }),
  )
})

test('only the five tones count as skin tones, and only code points as names', () => {
  assert.ok(hasSkinTone('1f44b-1f3fb') && hasSkinTone('1f3ff'))
  assert.ok(!hasSkinTone('1f3f4') && !hasSkinTone('1f3fa'))
  for (const name of ['', 'logo', '1f600-', '1f600.a', '1f6001f600']) assert.ok(!isCodePoints(name), name)
})

test('the split never moves: these concepts are where they were when the first model was trained', () => {
  const heldOut = ['1f308', '1f375', '1f407', '1f42f', '2764-200d-1f525', '1f9d7-200d-2640']
  for (const key of heldOut) assert.equal(splitOf(key), 'held-out', key)
  for (const key of ['1f600', '2764', '1f525', '1f436']) assert.equal(splitOf(key), 'train', key)
})

test('about 5 % of any large set of concepts is held out', () => {
  const keys = Array.from({ length: 20_000 }, (_, i) => (0x1f000 + i).toString(16))
  const share = keys.filter((key) => splitOf(key) === 'held-out').length / keys.length
  assert.ok(Math.abs(share - 0.05) < 0.006, `${share}`)
})
