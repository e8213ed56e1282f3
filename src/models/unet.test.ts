import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
import { assertLearned, assertParity, normalNumbers, overfit, randomised, trainedCount } from '../../test/model.ts'
import { evaluate } from '../../test/on-node.ts'
import { input } from '../graph/index.ts'
import { params } from '../nn/index.ts'
import { mean, square, sub } from '../ops/index.ts'
import { type UNetConfig, unet, unetSizes } from './unet.ts'
import { unetConfig, unetTextConfig } from './unet-config.ts'

const tiny = unetConfig({
  down_block_types: ['DownBlock2D', 'AttnDownBlock2D'],
  up_block_types: ['AttnUpBlock2D', 'UpBlock2D'],
  block_out_channels: [16, 32],
  layers_per_block: 1,
  norm_num_groups: 8,
})

test('unet gives the answers of UNet2DModel', () => assertParity('unet2d_ddpm'))

test('with text it gives the answers of UNet2DConditionModel', () => assertParity('unet2d_condition'))

test('the sizes have the 35.7 and 114 million parameters of the paper (appendix B), and the 860 of Stable Diffusion 1', () => {
  const millions = Object.values(unetSizes).map((size) => trainedCount((p) => unet(p, size)) / 1e6)
  assert.deepEqual(
    millions.map((n) => n.toPrecision(3)),
    ['35.7', '114', '860'],
  )
})

test('unet predicts no noise at first, and learns the noise of a batch by heart', async () => {
  const eps = normalNumbers(2, 2, 3, 8, 8)
  const losses = await overfit(
    (p) => mean(square(sub(unet(p, tiny)(input('x', [2, 3, 8, 8]), input('t', [2])), input('eps', [2, 3, 8, 8])))),
    { x: normalNumbers(1, 2, 3, 8, 8), t: Float32Array.of(10, 900), eps },
    { steps: 60, rate: 5e-3 },
  )
  const power = eps.reduce((sum, value) => sum + value ** 2, 0) / eps.length
  assert.ok(Math.abs(losses[0] - power) < 1e-5, 'the last convolution starts at zero')
  assertLearned(losses, 0.1)
})

test('every sample hears its own time and label, and no other', async () => {
  const config = { ...tiny, labels: { kind: 'table', classes: 4 } } as const
  const p = params()
  const y = unet(p, config)(input('x', [2, 3, 8, 8]), input('t', [2]), { labels: input('labels', [2], 'int32') })
  const weights = { ...randomised(p), x: normalNumbers(1, 2, 3, 8, 8) }
  const answer = async (t: number, label: number) => {
    const feeds = { ...weights, t: Float32Array.of(5, t), labels: Int32Array.of(1, label) }
    const both = (await evaluate({ y }, feeds)).y as Float32Array
    return [both.slice(0, 192), both.slice(192)]
  }
  const [first, second] = await answer(400, 2)
  for (const [t, label] of [
    [410, 2],
    [400, 3],
  ]) {
    const [same, other] = await answer(t, label)
    assert.deepEqual(same, first)
    assert.ok(other.some((value, i) => Math.abs(value - second[i]) > 1e-3))
  }
})

test('with Fourier features of the time each answer is divided by its time', async () => {
  const p = params()
  const y = unet(p, { ...tiny, time: { kind: 'fourier' } })(input('x', [2, 3, 8, 8]), input('t', [2]))
  const last = { 'conv_out.weight': new Float32Array(3 * 16 * 9), 'conv_out.bias': new Float32Array(3).fill(3) }
  const feeds = { ...randomised(p), ...last, x: normalNumbers(1, 2, 3, 8, 8), t: Float32Array.of(2, 0.25) }
  const want = Float32Array.from({ length: 2 * 192 }, (_, i) => (i < 192 ? 1.5 : 12))
  assertClose((await evaluate({ y }, feeds)).y, want, 1e-6, 'y')
})

test('a centred network sees 2 x − 1, and the scale of the middle reaches it', async () => {
  const x = normalNumbers(1, 1, 3, 8, 8)
  const answer = async (change: Partial<UNetConfig>, x: Float32Array) => {
    const p = params()
    const y = unet(p, { ...tiny, ...change })(input('x', [1, 3, 8, 8]), input('t', [1]))
    return (await evaluate({ y }, { ...randomised(p), x, t: Float32Array.of(10) })).y
  }
  const [plain, scaled] = [await answer({}, x), await answer({ middleScale: 2 }, x)]
  const twice = x.map((value) => 2 * value - 1)
  assertClose(await answer({ centred: true }, x), await answer({}, twice), 1e-5, 'y')
  assert.ok(
    scaled.some((value, i) => Math.abs(value - plain[i]) > 1e-2),
    'the scale changes nothing',
  )
})

test('a config or call that does not fit is refused in words', () => {
  const refuse = (json: unknown, message: RegExp) => assert.throws(() => unetConfig(json), { code: 'input', message })
  refuse({ down_block_types: ['SkipDownBlock2D'] }, /'down_block_types' is \["SkipDownBlock2D"\]; it must be a list of/)
  refuse({ up_block_types: ['UpBlock2D'] }, /'up_block_types' is \["UpBlock2D"\]; it must be as many as .*, 4$/)
  refuse({ time_embedding_type: 'learned' }, /'num_train_timesteps' is missing; it must be a whole number above 0$/)
  refuse({ resnet_time_scale_shift: 'spatial' }, /"spatial"; it must be one of default, scale_shift$/)
  const network = unet(params(), tiny)
  assert.throws(() => network(input('x', [1, 3, 7, 8]), input('t', [1])), /unet: x must be .* multiples of 2/)
  const labels = input('y', [1], 'int32')
  assert.throws(
    () => network(input('x', [1, 3, 8, 8]), input('t', [1]), { labels }),
    /unet: this network takes no labels/,
  )
})

const tinyText = {
  ...{
    down_block_types: ['CrossAttnDownBlock2D', 'DownBlock2D'],
    up_block_types: ['UpBlock2D', 'CrossAttnUpBlock2D'],
  },
  ...{ block_out_channels: [16, 32], layers_per_block: 1, norm_num_groups: 8, attention_head_dim: 2 },
  ...{ cross_attention_dim: 6, in_channels: 3, out_channels: 3, use_linear_projection: true },
}

test('text changes what the network says, sample by sample, and a network with text asks for it', async () => {
  const config = unetTextConfig(tinyText)
  const p = params()
  const network = unet(p, config)
  const y = network(input('x', [2, 3, 8, 8]), input('t', [2]), { text: input('text', [2, 5, 6]) })
  const feeds = { ...randomised(p), x: normalNumbers(1, 2, 3, 8, 8), t: Float32Array.of(10, 900) }
  const text = normalNumbers(2, 2, 5, 6)
  const [one, other] = [
    await evaluate({ y }, { ...feeds, text }),
    await evaluate({ y }, { ...feeds, text: text.map((v, i) => (i < 30 ? v : -v)) }),
  ]
  assert.deepEqual(one.y.subarray(0, 192), other.y.subarray(0, 192))
  assert.ok(
    one.y.some((value, i) => i >= 192 && Math.abs(value - other.y[i]) > 1e-3),
    'text changes nothing',
  )
  assert.throws(() => network(input('x', [2, 3, 8, 8]), input('t', [2])), /unet: this network needs text/)
  assert.throws(() => unetTextConfig({ class_embed_type: 'timestep' }), {
    code: 'input',
    message: /UNet2DConditionModel: 'class_embed_type' is "timestep"; it must be null/,
  })
  assert.throws(() => unetTextConfig({ time_embedding_act_fn: 'silu' }), /'time_embedding_act_fn' .* must be null/)
})

test('around the blocks the activation of the config stands where there is text, and SiLU where there is none', async () => {
  /** Whether the weights behind an activation matter where nothing but −1 reaches it, which ReLU stops. */
  async function passes(config: UNetConfig, { at, behind }: { at: string; behind: string }): Promise<boolean> {
    const p = params()
    const text = config.text && input('text', [1, 5, 6])
    const y = unet(p, config)(input('x', [1, 3, 8, 8]), input('t', [1]), { text })
    const weights = randomised(p)
    const filled = (name: string, value: number) => ({ [name]: weights[name].map(() => value) })
    const feeds = { x: normalNumbers(1, 1, 3, 8, 8), t: Float32Array.of(10), text: normalNumbers(2, 1, 5, 6) }
    const dark = { ...weights, ...filled(`${at}.weight`, 0), ...filled(`${at}.bias`, -1), ...feeds }
    const [one, other] = [await evaluate({ y }, dark), await evaluate({ y }, { ...dark, ...filled(behind, 1) })]
    return one.y.some((value, i) => Math.abs(value - other.y[i]) > 1e-4)
  }
  for (const place of [
    { at: 'time_embedding.linear_1', behind: 'time_embedding.linear_2.weight' },
    { at: 'conv_norm_out', behind: 'conv_out.weight' },
  ]) {
    assert.equal(await passes(unetTextConfig({ ...tinyText, act_fn: 'relu' }), place), false, place.at)
    assert.equal(await passes(unetTextConfig(tinyText), place), true, place.at)
    assert.equal(await passes({ ...tiny, activation: 'relu' }, place), true, place.at)
  }
})
