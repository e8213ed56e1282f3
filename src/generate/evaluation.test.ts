import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generator } from '../../test/draw.ts'
import type { Loop } from '../metrics/motion.ts'
import { stream } from '../random.ts'
import { type Measured, measure, metricNames, partScores, type Subject } from './evaluation.ts'

const T = 8

/** A unit vector that belongs to a number. */
function direction(seed: number, d = 16): Float32Array {
  const z = stream({ seed, purpose: 'direction' }).normal(d)
  const length = Math.sqrt(z.reduce((sum, x) => sum + x * x, 0))
  return z.map((x) => x / length)
}

function loop(seed: number): Loop {
  const uniform = generator(seed)
  return { count: T, bytes: Uint8Array.from({ length: T * 12 }, () => 256 * uniform()) }
}

const still = ({ bytes }: Loop): Loop => ({
  count: T,
  bytes: Uint8Array.from({ length: bytes.length }, (_, i) => bytes[i % 12]),
})

/** Subjects whose drawn clips are made from the number and the real frames; every fifth is held out. */
const subjects = (count: number, drawn: (i: number, real: Loop) => Measured): Subject[] =>
  Array.from({ length: count }, (_, i) => {
    const real = loop(i + 1)
    const own = measure(real, real, direction(i))
    return {
      ...{ split: i % 5 === 4 ? 'held-out' : 'train', label: `${i}`, text: direction(i), real: own, autoencoder: own },
      chance: { inPhase: 1 / T, best: 0.3 },
      drawn: drawn(i, real),
    }
  })

test('a model that draws the real clips has full marks', () => {
  const all = subjects(40, (i, real) => measure(real, real, direction(i)))
  for (const split of ['train', 'held-out'] as const) {
    const { clips, moving, metrics } = partScores(all, split, { seed: 0 })
    assert.deepEqual([clips, moving], split === 'train' ? [32, 32] : [8, 8])
    assert.deepEqual(Object.keys(metrics).sort(), [...metricNames].sort())
    const ones = [
      ...(['recall@1', 'recall@5', 'label@1', 'label@5', 'nearest@1', 'nearest@5'] as const),
      ...(['amplitude', 'right-frame', 'in-phase'] as const),
    ]
    for (const name of ones) {
      const { value, low, high, autoencoder } = metrics[name]
      assert.deepEqual([value, low, high, autoencoder], [1, 1, 1, 1], name)
    }
    assert.ok(Math.abs(metrics.frechet.value) < 1e-6 && Math.abs(metrics.kid.value) < 1e-9)
    assert.equal(metrics.loop.value, metrics.loop.real)
    assert.equal(metrics.closed.value, metrics.closed.real)
    for (const name of ['psnr', 'psnr-pooled'] as const)
      for (const key of ['value', 'low', 'high', 'autoencoder'] as const)
        assert.ok(Math.abs(metrics[name][key]! - 58.92) < 0.01, `${name} ${key}: ${metrics[name][key]}`)
    assert.equal(metrics['recall@5'].chance, 5 / 40)
  }
})

test('clips of one label do not compete with each other, and a blind guess is one among the labels', () => {
  const pair = (i: number) => direction(Math.floor(i / 2))
  const all = subjects(20, (i, real) => measure(real, real, pair(i))).map((subject, i) => ({
    ...subject,
    ...{ label: `${Math.floor(i / 2)}`, text: pair(i), real: { ...subject.real, embedding: pair(i) } },
  }))
  const { metrics } = partScores(all, 'train', { seed: 0 })
  for (const name of ['recall@1', 'label@1'] as const)
    assert.deepEqual([metrics[name].value, metrics[name].real, metrics[name].chance], [1, 1, 1 / 10], name)
})

test('a model that draws the clip of the next label is found out', () => {
  const all = subjects(40, (i, real) => measure(loop(((i + 1) % 40) + 1), real, direction((i + 1) % 40)))
  const { metrics } = partScores(all, 'train', { seed: 0 })
  assert.deepEqual([metrics['recall@1'].value, metrics['label@1'].value, metrics['nearest@1'].value], [0, 0, 0])
  assert.equal(metrics['recall@1'].real, 1)
  assert.ok(Math.abs(metrics['in-phase'].value - 1 / T) < 0.08)
  assert.ok(metrics['right-frame'].value < 0.5)
  assert.ok(metrics.psnr.value < 15)
  // As a set the clips are nearly the real ones, so the distances stay small.
  assert.ok(metrics.kid.value < 0.3, `${metrics.kid.value}`)
})

test('a model that always draws the same still clip: no motion, no variety', () => {
  const all = subjects(40, (_, real) => measure(still(loop(1)), real, direction(0)))
  const { metrics } = partScores(all, 'train', { seed: 0 })
  assert.equal(metrics.amplitude.value, 0)
  assert.ok(metrics['right-frame'].value <= 1 / T + 0.01)
  assert.ok(metrics['recall@1'].value <= 1 / 32, 'a tie is no find')
  assert.ok(metrics.kid.value > 1 && metrics.frechet.value > 10, `${metrics.kid.value} ${metrics.frechet.value}`)
  assert.ok(Number.isNaN(metrics.loop.value)) // nothing changes between any frames
})

test('texts and clips of the other part are candidates too', () => {
  // All held-out labels are drawn as the first training clip, which therefore has rivals.
  const all = subjects(20, (i, real) => measure(real, real, direction(i % 5 === 4 ? 0 : i)))
  const { metrics } = partScores(all, 'train', { seed: 0 })
  assert.equal(metrics['recall@1'].value, 15 / 16)
  assert.equal(metrics['recall@5'].value, 1)
  assert.equal(partScores(all, 'held-out', { seed: 0 }).metrics['label@1'].value, 0)
})

test('a real clip that does not move is left out of motion alone', () => {
  const all = subjects(20, (i, real) => measure(real, real, direction(i))).map((subject, i): Subject => {
    if (i !== 0) return subject
    const real = still(loop(1))
    return { ...subject, real: measure(real, real, direction(0)), drawn: measure(loop(99), real, direction(0)) }
  })
  const { clips, moving, metrics } = partScores(all, 'train', { seed: 0 })
  assert.deepEqual([clips, moving], [16, 15])
  assert.equal(metrics['right-frame'].value, 1)
  // 15 clips are exact, and one is not.
  for (const name of ['psnr', 'psnr-pooled'] as const) {
    const { value, low, high } = metrics[name]
    assert.ok(low < value && value < high && high < 59, `${name}: ${low} ${value} ${high}`)
  }
})

test('a part of one clip has values without intervals, and figures that need more are not numbers', () => {
  const all = subjects(5, (i, real) => measure(real, real, direction(i)))
  const { metrics } = partScores(all, 'held-out', { seed: 0 })
  assert.equal(metrics['recall@1'].value, 1)
  for (const name of ['frechet', 'frechet-infinity', 'kid'] as const) assert.ok(Number.isNaN(metrics[name].value))
  assert.ok(Number.isNaN(metrics.amplitude.low))
})
