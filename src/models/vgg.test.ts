import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
import { assertLearned, assertParity, normalNumbers, overfit, randomised, trainedCount } from '../../test/model.ts'
import { evaluate } from '../../test/on-node.ts'
import { input } from '../graph/index.ts'
import { conv2d, params } from '../nn/index.ts'
import { crossEntropy, slice, sum } from '../ops/index.ts'
import { grad } from '../transform/grad.ts'
import { vgg, vggConfig, vggSizes } from './vgg.ts'

const tiny = vggConfig({ layers: [8, 'M', 16, 'M'], pool: 2, hidden_size: 24, num_labels: 3 })

test('vgg gives the answers of torchvision', () => assertParity('vgg'))

test('the sizes have the parameters that table 2 of the paper counts, in millions', () => {
  const millions = Object.values(vggSizes).map((size) => Math.round(trainedCount((p) => vgg(p, size)) / 1e6))
  assert.deepEqual(millions, [133, 133, 138, 144])
})

test('vgg learns a batch by heart', async () => {
  const batch = { pixels: normalNumbers(1, 6, 3, 16, 16), labels: Int32Array.of(0, 1, 2, 2, 1, 0) }
  const losses = await overfit(
    (p) => crossEntropy(vgg(p, tiny)(input('pixels', [6, 3, 16, 16])), input('labels', [6], 'int32')),
    batch,
    { steps: 60 },
  )
  assertLearned(losses, 0.1)
})

test('three convolutions of 3 × 3 see 7 × 7 pixels (section 2.3)', async () => {
  const p = params()
  const x = input('x', [1, 1, 11, 11])
  const layers = [0, 1, 2].map((i) => conv2d(p.at(i), 1, 1, { padding: 1 }))
  const y = layers.reduce((t, layer) => layer(t), x)
  const middle = slice(slice(y, 2, 5, 6), 3, 5, 6)
  const [seen] = grad(sum(middle), [x])
  const { dx } = await evaluate({ dx: seen }, { ...randomised(p), x: normalNumbers(1, 11, 11) })
  const inside = (i: number) => Math.abs(Math.floor(i / 11) - 5) <= 3 && Math.abs((i % 11) - 5) <= 3
  Array.from(dx).forEach((value, i) => {
    assert.equal(value !== 0, inside(i), `pixel ${i}`)
  })
})

test('features are averaged over windows that overlap where they do not divide', async () => {
  const p = params()
  const identity = vgg(p, { channels: 1, layers: ['M', 1], pool: 3, hidden: 9, classes: 9 })
  const logits = identity(input('pixels', [1, 1, 10, 6])) // features [1, 1, 5, 3]
  const weights = randomised(p)
  weights['features.1.weight'] = Float32Array.of(0, 0, 0, 0, 1, 0, 0, 0, 0)
  weights['features.1.bias'] = Float32Array.of(0)
  const eye = Float32Array.from({ length: 81 }, (_, i) => +(i % 10 === 0))
  for (const layer of [0, 3, 6]) {
    weights[`classifier.${layer}.weight`] = eye
    weights[`classifier.${layer}.bias`] = new Float32Array(9)
  }
  const pixels = Float32Array.from({ length: 60 }, (_, i) => Math.floor(i / 12)) // features count rows 0 to 4
  const { logits: found } = await evaluate({ logits }, { ...weights, pixels })
  assertClose(found, [0.5, 0.5, 0.5, 2, 2, 2, 3.5, 3.5, 3.5], 1e-6, 'rows 0–1, 1–3 and 3–4')
})

test('a config that does not fit is refused in words', () => {
  const refuse = (json: unknown, message: RegExp) => assert.throws(() => vggConfig(json), { code: 'input', message })
  refuse(
    { layers: [8, 'P'] },
    /^vgg: 'layers' is \[8,"P"\]; it must be a list of channels and 'M', with a number in it$/,
  )
  refuse({ layers: ['M'] }, /with a number in it$/)
  refuse({ layers: [8], pool: 0 }, /'pool' is 0; it must be a whole number above 0$/)
})
