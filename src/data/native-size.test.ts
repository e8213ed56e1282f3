import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { stream } from '../random.ts'
import { drawRate, drawSide, keptTokens, sizeAt } from './native-size.ts'
import { packPatches } from './pack-patches.ts'

const random = stream({ seed: 1, purpose: 'native size' })
const many = (draw: () => number) => Array.from({ length: 4000 }, draw)
const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length

test('sides lie between their bounds; small ones come more often where that is asked for', () => {
  const even = many(() => drawSide(random, { least: 16, most: 48 }))
  const small = many(() => drawSide(random, { least: 16, most: 48, spread: 'small' }))
  for (const side of [...even, ...small]) assert.ok(side >= 16 && side <= 48)
  assert.ok(Math.abs(mean(even) - 32) < 0.6)
  assert.ok(Math.abs(mean(small) - 29.7) < 0.5, `${mean(small)}`) // −½ + (φ(−½) − φ(1½)) / (Φ(1½) − Φ(−½)) = −0.14 of 16
})

test('a size keeps the aspect and the area as far as whole patches can', () => {
  assert.deepEqual(sizeAt({ height: 100, width: 400 }, { side: 32, patchSize: 8 }), { height: 16, width: 64 })
  fc.assert(
    fc.property(fc.integer({ min: 20, max: 90 }), fc.integer({ min: 20, max: 90 }), (height, width) => {
      const size = sizeAt({ height, width }, { side: 64, patchSize: 4 })
      assert.ok(size.height % 4 === 0 && size.width % 4 === 0)
      assert.ok(Math.abs(size.height - 64 * Math.sqrt(height / width)) <= 2.001)
      assert.ok(Math.abs(size.width - 64 * Math.sqrt(width / height)) <= 2.001)
    }),
  )
})

test('rates drawn from a Beta distribution have its mean and variance', () => {
  assert.equal(drawRate(random, 0.5), 0.5)
  const [a, b, most] = [2, 3, 0.8]
  const rates = many(() => drawRate(random, { most, a, b }))
  const center = mean(rates)
  const variance = mean(rates.map((rate) => (rate - center) ** 2))
  assert.ok(Math.abs(center - (most * a) / (a + b)) < 0.01)
  assert.ok(Math.abs(variance - (most ** 2 * a * b) / ((a + b) ** 2 * (a + b + 1))) < 0.003)
})

test('kept tokens are different ones in order, as many as the rate leaves, and stay at their places in the row', () => {
  const kept = keptTokens(12, 0.5, random)
  assert.equal(kept.length, 6)
  assert.deepEqual(
    [...kept],
    [...new Set(kept)].sort((x, y) => x - y),
  )
  assert.deepEqual([...keptTokens(3, 0, random)], [0, 1, 2])
  assert.equal(keptTokens(3, 0.99, random).length, 1)
  const pixels = Float32Array.from({ length: 12 }, (_, i) => i)
  const rows = packPatches([{ pixels, height: 3, width: 4 }], {
    patch: [1, 1, 1],
    channels: 1,
    length: 8,
    keep: () => kept,
  })
  assert.deepEqual([...rows.patches.slice(0, 6)], [...kept])
  assert.deepEqual(
    [...rows.rows.slice(0, 6)],
    [...kept].map((n) => Math.floor(n / 4)),
  )
  assert.deepEqual(
    [...rows.columns.slice(0, 6)],
    [...kept].map((n) => n % 4),
  )
  assert.deepEqual([...rows.sample], [0, 0, 0, 0, 0, 0, -1, -1])
})
