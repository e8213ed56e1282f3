import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertLearned, normalNumbers, overfit, randomised } from '../../test/model.ts'
import { evaluate } from '../../test/on-node.ts'
import { input } from '../graph/index.ts'
import { params } from '../nn/index.ts'
import { clipAround, clipLoss, clipSizes } from './clip.ts'
import { type ImageEncoderConfig, imageClassifier, imageEncoder } from './image-encoder.ts'
import { resnetConfig } from './resnet.ts'
import { vggConfig } from './vgg.ts'
import { vitConfig } from './vit.ts'

const configs: Record<string, { config: ImageEncoderConfig; width: number; head: string }> = {
  ResNet: {
    config: { resnet: resnetConfig({ embedding_size: 8, hidden_sizes: [8, 16], depths: [1, 1], layer_type: 'basic' }) },
    width: 16,
    head: 'classifier.1',
  },
  VGG: {
    config: { vgg: vggConfig({ layers: [8, 'M', 16, 'M'], pool: 2, hidden_size: 64 }) },
    width: 64,
    head: 'classifier.6',
  },
  ViT: {
    config: {
      vit: vitConfig({
        ...{ hidden_size: 32, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 64 },
        ...{ image_size: [32, 32], patch_size: [8, 8] },
      }),
    },
    width: 32,
    head: 'classifier',
  },
}

const text = { ...clipSizes['ViT-B/32'].text, width: 16, depth: 1, heads: 2, hidden: 32, vocabulary: 9, context: 4 }
const joint = { text: { ...text, endOfText: 8 }, projection: 12 }
const ids = Int32Array.of(7, 0, 8, 0, 7, 1, 8, 0, 7, 2, 8, 0, 7, 3, 8, 0)
const pixels = normalNumbers(3, 4, 3, 32, 32)

for (const [name, { config, width, head }] of Object.entries(configs)) {
  test(`${name}: the encoder is its classifier without the head, under the same names`, async () => {
    const [whole, part] = [params(), params()]
    const logits = imageClassifier(whole, config)(input('pixels', [4, 3, 32, 32]))
    const encoder = imageEncoder(part, config)
    const vectors = encoder.encode(input('pixels', [4, 3, 32, 32]))
    assert.deepEqual(vectors.shape, [4, width])
    assert.equal(encoder.width, width)
    const rest = [...whole.all.keys()].filter((key) => !part.all.has(key))
    assert.deepEqual(rest.sort(), [`${head}.bias`, `${head}.weight`])
    // The head is linear: from the vectors and its weights follow the logits.
    const weights = randomised(whole)
    const found = (await evaluate({ logits }, { ...weights, pixels })).logits
    const rows = (await evaluate({ vectors }, { ...weights, pixels })).vectors as Float32Array
    const [matrix, bias] = [weights[`${head}.weight`], weights[`${head}.bias`]]
    const classes = bias.length
    const first = Array.from({ length: classes }, (_, k) =>
      rows.subarray(0, width).reduce((sum, v, d) => sum + v * matrix[k * width + d], bias[k]),
    )
    first.forEach((value, k) => {
      assert.ok(Math.abs(value - found[k]) < 1e-4, `class ${k}`)
    })
  })

  test(`${name} as the image side of CLIP learns which picture belongs to which text`, async () => {
    const losses = await overfit(
      (p) => {
        const encoder = imageEncoder(p.at('vision_model'), config, { training: new Map() })
        const { image, text, scale } = clipAround(p, encoder, joint)
        const pictures = image(input('pixels', [4, 3, 32, 32])).embedding
        return clipLoss(pictures, text(input('ids', [4, 4], 'int32')).embedding, scale())
      },
      { ids, pixels },
      name === 'VGG' ? { steps: 120, rate: 3e-4 } : { steps: 60 }, // VGG's first head layers begin at 0.01
    )
    assertLearned(losses, 0.1)
  })
}
