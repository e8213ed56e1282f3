import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
import { assertLearned, assertParity, normalNumbers, overfit, randomised, trainedCount } from '../../test/model.ts'
import { evaluate } from '../../test/on-node.ts'
import { input } from '../graph/index.ts'
import { params, type Updates } from '../nn/index.ts'
import { crossEntropy } from '../ops/index.ts'
import { residualBlock, resnet, resnetConfig, resnetSizes } from './resnet.ts'

const tiny = resnetConfig({
  embedding_size: 8,
  hidden_sizes: [16, 32],
  depths: [1, 1],
  layer_type: 'bottleneck',
  num_labels: 3,
})

for (const name of ['resnet_basic', 'resnet_bottleneck'])
  test(`resnet gives the answers of ResNetForImageClassification (${name})`, () => assertParity(name))

test('the sizes have the parameters of the published models', () => {
  const count = (size: keyof typeof resnetSizes) => trainedCount((p) => resnet(p, resnetSizes[size]))
  assert.deepEqual([count('ResNet-18'), count('ResNet-50'), count('ResNet-152')], [11_689_512, 25_557_032, 60_192_808])
})

test('resnet learns a batch by heart, with the statistics of the batch', async () => {
  const batch = { pixels: normalNumbers(1, 6, 3, 32, 32), labels: Int32Array.of(0, 1, 2, 2, 1, 0) }
  const losses = await overfit((p) => {
    const network = resnet(p, tiny, { training: new Map() })
    return crossEntropy(network(input('pixels', [6, 3, 32, 32])), input('labels', [6], 'int32'))
  }, batch)
  assertLearned(losses, 0.1)
})

test('a block whose residual is zero passes on what it was given: the identity is easy to learn', async () => {
  const p = params()
  const y = residualBlock(p, { from: 16, to: 16, stride: 1, config: tiny })(input('x', [2, 16, 5, 5]))
  const weights = randomised(p)
  for (const name of ['weight', 'bias']) weights[`layer.2.normalization.${name}`] = new Float32Array(16)
  const x = normalNumbers(2, 2, 16, 5, 5)
  const results = await evaluate({ y }, { ...weights, x })
  assertClose(
    results.y,
    x.map((value) => Math.max(value, 0)),
    1e-6,
    'y',
  )
})

test('in training every norm gives its next running statistics', () => {
  const p = params()
  const training: Updates = new Map()
  resnet(p, tiny, { training })(input('pixels', [2, 3, 32, 32]))
  const kept = [...p.all.values()].filter(({ trained }) => !trained).map(({ name }) => name)
  assert.deepEqual([...training.keys()].sort(), kept.sort())
})

test('a config that does not fit is refused in words', () => {
  const refuse = (json: unknown, message: RegExp) => assert.throws(() => resnetConfig(json), { code: 'input', message })
  refuse({ layer_type: 'wide' }, /'layer_type' is "wide"; it must be one of basic, bottleneck$/)
  refuse({ depths: [1, 2] }, /'depths' is \[1,2\]; it must be a list of 4 whole numbers$/)
  refuse({ downsample_in_first_stage: 1 }, /'downsample_in_first_stage' is 1; it must be true or false$/)
})
