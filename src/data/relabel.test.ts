import assert from 'node:assert/strict'
import { test } from 'node:test'
import { relabel } from './relabel.ts'

const pair = { original: 'a cat', synthetic: 'A grey cat sleeps on a red sofa.' }
const chosen = (count: number, share?: number) =>
  Array.from({ length: count }, (_, sample) => relabel(pair, { share, seed: 1, step: 3, sample }))

test('19 samples of 20 get the synthetic caption, the others the original one', () => {
  const synthetic = chosen(4000).filter((caption) => caption === pair.synthetic).length
  // Four standard deviations of 4000 draws at 0.95 are 55.
  assert.ok(Math.abs(synthetic - 3800) < 55, `${synthetic} of 4000`)
})

test('a share of 0 or 1 leaves one kind of caption', () => {
  assert.deepEqual(new Set(chosen(500, 0)), new Set([pair.original]))
  assert.deepEqual(new Set(chosen(500, 1)), new Set([pair.synthetic]))
})

test('the same sample of the same step gets the same caption; another step may not', () => {
  assert.deepEqual(chosen(100, 0.5), chosen(100, 0.5))
  const other = Array.from({ length: 100 }, (_, sample) => relabel(pair, { share: 0.5, seed: 1, step: 4, sample }))
  assert.notDeepEqual(chosen(100, 0.5), other)
})

test('a share outside of 0…1 is refused', () => {
  assert.throws(() => relabel(pair, { share: 95, seed: 0 }), {
    code: 'usage',
    message: 'relabel: share must be a number from 0 to 1, not 95',
  })
})
