import assert from 'node:assert/strict'
import { test } from 'node:test'
import { linear } from '../nn/index.ts'
import { stream } from '../random.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { type ClassNetwork, classification, loadClassifier } from './classification.ts'
import { learn } from './learn.ts'

const runtime = nodeRuntime({ threads: 1 })
const network: ClassNetwork = { shape: [8, 3], logits: (p, pixels) => linear(p.at('head'), 3, 3)(pixels) }

/** Three numbers, of which the class is the largest. */
function draw(step: number, count = 8) {
  const pixels = stream({ seed: 1, purpose: 'numbers', step }).normal(3 * count)
  const labels = Int32Array.from({ length: count }, (_, n) => {
    const three = pixels.subarray(3 * n, 3 * n + 3)
    return three.indexOf(Math.max(...three))
  })
  return { pixels, labels }
}

test('a run learns classes, and the loaded network tells them of any number of pictures', async () => {
  const { weights, curve } = await learn(
    classification(network, { name: 'largest', seed: 2, steps: 200, draw, peak: 0.05 }),
    { runtime },
  )
  assert.ok(curve.at(-1)![1] < 0.5 * curve[0][1], `${curve[0]} to ${curve.at(-1)}`)
  const { classify, release } = await loadClassifier(network, { runtime, weights })
  const { pixels, labels } = draw(1000, 21) // two batches and five more
  const told = await classify(pixels)
  assert.equal(told.length, 21)
  assert.ok(told.filter((c, n) => c === labels[n]).length >= 19)
  for (const n of [0, 9, 20]) assert.deepEqual([...(await classify(pixels.slice(3 * n, 3 * n + 3)))], [told[n]])
  await release()
})
