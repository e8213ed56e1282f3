import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
import { assertLearned, assertParity, initial, normalNumbers, overfit, trainedCount } from '../../test/model.ts'
import { evaluate } from '../../test/on-node.ts'
import { input } from '../graph/index.ts'
import { params, type Updates } from '../nn/index.ts'
import { crossEntropy } from '../ops/index.ts'
import { clipResNet, clipResNetConfig, clipResNetSizes } from './clip-resnet.ts'

const tiny = clipResNetConfig({
  ...{ _class_name: 'ModifiedResNet', layers: [1, 1, 1, 1], width: 4, heads: 2, image_size: 32, output_dim: 3 },
})

test('clipResNet gives the answers of ModifiedResNet', () => assertParity('clip_resnet'))

test('the sizes have the parameters of the published towers', () => {
  const count = (size: keyof typeof clipResNetSizes) => trainedCount((p) => clipResNet(p, clipResNetSizes[size]))
  assert.deepEqual([count('RN50'), count('RN101'), count('RN50x4')], [38_316_896, 56_259_936, 87_137_080])
})

test('clipResNet learns a batch by heart, with the statistics of the batch', async () => {
  const batch = { pixels: normalNumbers(1, 6, 3, 32, 32), labels: Int32Array.of(0, 1, 2, 2, 1, 0) }
  const losses = await overfit((p) => {
    const network = clipResNet(p, tiny, { training: new Map() })
    return crossEntropy(network(input('pixels', [6, 3, 32, 32])), input('labels', [6], 'int32'))
  }, batch)
  assertLearned(losses, 0.1)
})

test('a picture moved by a whole stride where nothing is beside it gives the same but for its place', async () => {
  // Every stride is one of means or of the stem, 32 in all, so a shift by 32 moves the last grid by one place; without
  // positions the attention cannot tell places apart.
  const p = params()
  const y = clipResNet(p, clipResNetConfig({ ...clipJson, image_size: 160 }))(input('x', [2, 3, 160, 160]))
  const weights = initial(p)
  weights['attnpool.positional_embedding'].fill(0)
  const x = new Float32Array(2 * 3 * 160 * 160)
  const spot = normalNumbers(2, 3, 8, 8)
  for (const [b, at] of [60, 92].entries())
    for (let c = 0; c < 3; c++)
      for (let i = 0; i < 8; i++)
        x.set(spot.subarray((c * 8 + i) * 8, (c * 8 + i + 1) * 8), ((b * 3 + c) * 160 + at - 32 + i) * 160 + at)
  const { y: got } = await evaluate({ y }, { ...weights, x })
  assertClose((got as Float32Array).subarray(0, 3), (got as Float32Array).subarray(3), 1e-5, 'both places')
})

const clipJson = { _class_name: 'ModifiedResNet', layers: [1, 1, 1, 1], width: 4, heads: 2, output_dim: 3 }

test('in training every norm gives its next running statistics', () => {
  const p = params()
  const training: Updates = new Map()
  clipResNet(p, tiny, { training })(input('pixels', [2, 3, 32, 32]))
  const kept = [...p.all.values()].filter(({ trained }) => !trained).map(({ name }) => name)
  assert.deepEqual([...training.keys()].sort(), kept.sort())
})
