import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  assertLearned,
  assertParity,
  initial,
  normalNumbers,
  overfit,
  randomised,
  trainedCount,
} from '../../test/model.ts'
import { evaluate } from '../../test/on-node.ts'
import { input } from '../graph/index.ts'
import { params } from '../nn/index.ts'
import { mean, square, sub } from '../ops/index.ts'
import { costOf } from '../transform/cost.ts'
import { dit, ditConfig, ditSizes } from './dit.ts'
import { adaLNZeroBlock } from './dit-blocks.ts'

const tiny = ditConfig({
  num_attention_heads: 2,
  attention_head_dim: 16,
  num_layers: 2,
  sample_size: 8,
  out_channels: 4,
  num_embeds_ada_norm: 5,
})

test('dit gives the answers of DiTTransformer2DModel', () => assertParity('dit'))

test('the sizes have the parameters that the paper counts, where blocks share the embedding of time and label', () => {
  const millions = (name: keyof typeof ditSizes) => {
    const config = ditSizes[name]
    const { width, depth, classes } = config
    const embedding = 256 * width + width + width * width + width + (classes + 1) * width
    return Math.round((trainedCount((p) => dit(p, config)) - (depth - 1) * embedding) / 1e6)
  }
  // Table 4 of the paper: 33, 130, 458 and 675 million.
  assert.deepEqual(
    [millions('DiT-S/2'), millions('DiT-B/2'), millions('DiT-L/2'), millions('DiT-XL/2')],
    [33, 130, 458, 675],
  )
})

test('every block starts as the identity, and the network with zeros (adaLN-Zero, section 3.2)', async () => {
  const p = params()
  const x = input('x', [16, 2, 32])
  const [t, labels] = [input('t', [2]), input('labels', [2], 'int32')]
  const y = adaLNZeroBlock(p.at('block'), tiny).run(x, { t, labels })
  const latents = dit(p, tiny)(input('latents', [2, 4, 8, 8]), t, labels)
  const batch = {
    x: normalNumbers(1, 16, 2, 32),
    latents: normalNumbers(2, 2, 4, 8, 8),
    t: Float32Array.of(3, 700),
    labels: Int32Array.of(4, 5),
  }
  const results = await evaluate({ y, latents }, { ...initial(p), ...batch })
  assert.deepEqual(results.y, batch.x)
  assert.ok(results.latents.every((value) => value === 0))
})

test('the four blocks cost what the paper counts at XL/2: 119.4, 137.6, 118.6 and 118.6 (section 5, figure 5)', () => {
  const config = ditSizes['DiT-XL/2']
  const { width, depth, classes } = config
  const embedding = 256 * width + width + width * width + width + (classes + 1) * width
  const counts = (['in-context', 'cross-attention', 'adaLN', 'adaLN-Zero'] as const).map((block) => {
    const p = params()
    const [x, t, labels] = [input('x', [1, 4, 32, 32]), input('t', [1]), input('labels', [1], 'int32')]
    const { flops } = costOf([dit(p, { ...config, block })(x, t, labels)])
    const copies = block.startsWith('adaLN') ? depth - 1 : 0 // of the embedding, in the published class
    const parameters = trainedCount((p) => dit(p, { ...config, block })) - copies * embedding
    const macs = flops / 2 - copies * (256 * width + width * width) // its Gflops are multiply-adds
    return { macs: macs / 1e9, parameters: Math.round(parameters / 1e6) }
  })
  const paper = [119.4, 137.6, 118.6, 118.6] // here without additions and norms
  for (const [i, { macs }] of counts.entries()) assert.ok(Math.abs(macs - paper[i]) < 0.06, `${macs}, not ${paper[i]}`)
  assert.deepEqual(
    counts.map(({ parameters }) => parameters),
    [449, 598, 600, 675],
  )
})

test('blocks that share an embedding have the weights that the paper counts; modulation at random is no identity', async () => {
  const config = ditSizes['DiT-S/2']
  const { width, depth, classes } = config
  const embedding = 256 * width + width + width * width + width + (classes + 1) * width
  const counts = [false, true].map((sharedEmbedding) => trainedCount((p) => dit(p, { ...config, sharedEmbedding })))
  assert.equal(counts[0] - counts[1], (depth - 1) * embedding)
  const p = params()
  const [x, t, labels] = [input('x', [16, 2, 32]), input('t', [2]), input('labels', [2], 'int32')]
  const y = adaLNZeroBlock(p, { ...tiny, randomModulation: true }).run(x, { t, labels })
  const feeds = { x: normalNumbers(1, 16, 2, 32), t: Float32Array.of(3, 700), labels: Int32Array.of(4, 5) }
  assert.notDeepEqual((await evaluate({ y }, { ...initial(p), ...feeds })).y, feeds.x)
})

test('every block hears of time and label, sample by sample', async () => {
  for (const block of ['in-context', 'cross-attention', 'adaLN', 'adaLN-Zero'] as const) {
    const p = params()
    const network = dit(p, { ...tiny, block })
    const y = network(input('x', [2, 4, 8, 8]), input('t', [2]), input('labels', [2], 'int32'))
    const feeds = { ...randomised(p), x: normalNumbers(1, 2, 4, 8, 8) }
    const answer = async (t: number, label: number) =>
      (await evaluate({ y }, { ...feeds, t: Float32Array.of(5, t), labels: Int32Array.of(1, label) })).y
    const first = await answer(400, 2)
    for (const [t, label] of [
      [500, 2],
      [400, 3],
    ]) {
      const other = await answer(t, label)
      assert.deepEqual(other.slice(0, 256), first.slice(0, 256), block)
      assert.ok(
        other.some((value, i) => Math.abs(value - first[i]) > 1e-3),
        block,
      )
    }
  }
})

for (const block of ['in-context', 'cross-attention', 'adaLN', 'adaLN-Zero'] as const)
  test(`dit with ${block} blocks learns the noise of a batch by heart`, async () => {
    const losses = await overfit(
      (p) => {
        const eps = dit(p, { ...tiny, block })(input('x', [2, 4, 8, 8]), input('t', [2]), input('labels', [2], 'int32'))
        return mean(square(sub(eps, input('eps', [2, 4, 8, 8]))))
      },
      {
        x: normalNumbers(1, 2, 4, 8, 8),
        t: Float32Array.of(10, 900),
        labels: Int32Array.of(1, 5),
        eps: normalNumbers(2, 2, 4, 8, 8),
      },
      { steps: 60, rate: 5e-3 },
    )
    assertLearned(losses, 0.1)
  })

test('a config or call that does not fit is refused in words', () => {
  const refuse = (json: unknown, message: RegExp) => assert.throws(() => ditConfig(json), { code: 'input', message })
  refuse({ norm_type: 'ada_norm_single' }, /'norm_type' is "ada_norm_single"; it must be "ada_norm_zero", as other/)
  refuse({ activation_fn: 'relu' }, /'activation_fn' is "relu"; it must be one of gelu, gelu-approximate, geglu/)
  const network = dit(params(), tiny)
  const [t, labels] = [input('t', [1]), input('labels', [1], 'int32')]
  assert.throws(() => network(input('x', [1, 4, 8, 4]), t, labels), /dit: x must be \[B, 4, H, W\] with H equal to W/)
  assert.throws(() => network(input('x', [1, 4, 7, 7]), t, labels), /patches: every size must be a multiple/)
})
