import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stream } from '../random.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { learnClassifier } from './classifier.ts'

/** Squares at one of four places, light or dark, in noise. */
function squares(count: number, seed: number) {
  const random = stream({ seed, purpose: 'squares' })
  const labels = { place: new Int32Array(count), shade: new Int32Array(count) }
  const pixels = random.normal(count * 64).map((z) => 0.2 * z)
  for (let n = 0; n < count; n++) {
    const [place, shade] = [random.integer(4), random.integer(2)]
    labels.place[n] = place
    labels.shade[n] = shade
    for (let i = 0; i < 16; i++)
      pixels[64 * n + 8 * (4 * (place >> 1) + (i >> 2)) + 4 * (place & 1) + (i & 3)] += shade === 0 ? -1 : 1
  }
  return { shape: [1, 8, 8] as const, pixels, labels }
}

test('a classifier tells several labels of pictures it has not seen, and its features part them', async () => {
  const classifier = await learnClassifier(squares(512, 1), {
    runtime: nodeRuntime({ threads: 1 }),
    seed: 1,
    steps: 60,
  })
  const fresh = squares(100, 2)
  const told = await classifier.classify(fresh.pixels)
  for (const [name, labels] of Object.entries(fresh.labels)) {
    const right = labels.filter((label, n) => told[name][n] === label).length
    assert.ok(right >= 95, `${name}: ${right} of 100`)
  }
  const features = await classifier.features(fresh.pixels)
  assert.deepEqual([features.length, features[0].length], [100, 64])
  const alone = await classifier.features(fresh.pixels.subarray(64 * 70, 64 * 71))
  assert.ok(alone[0].every((value, i) => Math.abs(value - features[70][i]) < 1e-4))
  await classifier.release()
})
