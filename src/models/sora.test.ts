import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
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
import { type Params, params, rotary } from '../nn/index.ts'
import { mean, square, sub, sum } from '../ops/index.ts'
import { costOf } from '../transform/cost.ts'
import { grad } from '../transform/grad.ts'
import { type WanInputs, wanBlock, wanConfig, wanSizes, wanTransformer } from './sora.ts'

const tiny = wanConfig({
  num_attention_heads: 2,
  attention_head_dim: 16,
  in_channels: 4,
  out_channels: 4,
  text_dim: 8,
  freq_dim: 16,
  ffn_dim: 64,
  num_layers: 2,
  rope_max_seq_len: 8,
})
const latents = [2, 4, 3, 4, 4] as const
const batch = {
  x: normalNumbers(1, ...latents),
  t: Float32Array.of(150, 820),
  text: normalNumbers(2, 2, 5, 8),
}
const predict = (p: Params, options?: WanInputs) =>
  wanTransformer(p, tiny)(input('x', latents), input('t', [2]), input('text', [2, 5, 8]), options)

test('wanTransformer gives the answers of WanTransformer3DModel', () => assertParity('wan_transformer'))

test('the sizes have the parameters that their names tell', () => {
  const billions = Object.values(wanSizes).map((size) => trainedCount((p) => wanTransformer(p, size)) / 1e9)
  assert.deepEqual(
    billions.map((n) => n.toFixed(1)),
    ['1.4', '14.3'],
  )
})

test('every block starts as the identity, and the network with zeros', async () => {
  const p = params()
  const tokens = input('tokens', [12, 2, 32])
  const rotate = rotary({ frames: 3, height: 2, width: 2 }, tiny)
  const run = wanBlock(p.at('block'), tiny)
  const y = run(tokens, { modulation: input('m', [2, 192]), context: input('context', [5, 2, 32]), rotate })
  const v = predict(p)
  const weights = initial(p)
  const zeros = { m: new Float32Array(384) } // as `time_proj` gives them at first
  const feeds = {
    ...weights,
    ...zeros,
    ...batch,
    tokens: normalNumbers(3, 12, 2, 32),
    context: normalNumbers(4, 5, 2, 32),
  }
  const results = await evaluate({ y, v }, feeds)
  assert.deepEqual(results.y, feeds.tokens)
  assert.ok(results.v.every((value) => value === 0))
})

test('frames of a longer clip know their places: those of the front are a clip of their own, others differ', async () => {
  const within = { frames: 6, places: input('places', [12], 'int32') }
  const p = params()
  const network = wanTransformer(p, tiny)
  const given = [input('x', latents), input('t', [2]), input('text', [2, 5, 8])] as const
  const outputs = { alone: network(...given), some: network(...given, { within }) }
  const weights = randomised(p)
  const placed = (frames: number[]) =>
    Int32Array.from(frames.flatMap((frame) => [0, 1, 2, 3].map((place) => 4 * frame + place)))
  const at = async (frames: number[]) => evaluate(outputs, { ...weights, ...batch, places: placed(frames) })
  const front = await at([0, 1, 2])
  assertClose(front.some, front.alone, 1e-6, 'front')
  // Only distances between frames count, so the same steps elsewhere are the same, and others are not.
  assertClose((await at([3, 4, 5])).some, front.alone, 1e-5, 'moved')
  const spread = await at([0, 2, 5])
  assert.ok(spread.some.some((value, i) => Math.abs(value - front.alone[i]) > 1e-3))
})

test('wanTransformer learns the velocity of a batch by heart', async () => {
  const losses = await overfit(
    (p) => mean(square(sub(predict(p), input('v', latents)))),
    { ...batch, v: normalNumbers(3, ...latents) },
    { steps: 60, rate: 5e-3 },
  )
  assertLearned(losses, 0.1)
})

test('a masked text token is not read, and one that counts is', async () => {
  const p = params()
  const v = predict(p, { mask: input('mask', [2, 5]) })
  const mask = Float32Array.of(1, 1, 1, 0, 0, 1, 1, 1, 1, 1)
  const feeds = { ...randomised(p), ...batch, mask }
  const straight = (await evaluate({ v }, feeds)).v
  const change = async (row: number) => {
    const text = batch.text.slice()
    text.fill(3, row * 8, (row + 1) * 8)
    return (await evaluate({ v }, { ...feeds, text })).v
  }
  assert.deepEqual(await change(4), straight)
  assert.notDeepEqual(await change(2), straight)
})

test('one time for each token is the same as one for all, where they are equal', async () => {
  const [p, q] = [params(), params()]
  const one = predict(p)
  const many = wanTransformer(q, tiny)(input('x', latents), input('t', [2, 12]), input('text', [2, 5, 8]))
  const weights = randomised(p)
  const each = Float32Array.from({ length: 24 }, (_, i) => batch.t[Math.floor(i / 12)])
  const [a, b] = [
    await evaluate({ v: one }, { ...weights, ...batch }),
    await evaluate({ v: many }, { ...weights, ...batch, t: each }),
  ]
  assertClose(b.v, a.v, 1e-5, 'v')
})

test('one time for each frame is the same as one for each of its tokens', async () => {
  const given = (columns: number) =>
    wanTransformer(params(), tiny)(input('x', latents), input('t', [2, columns]), input('text', [2, 5, 8]))
  const p = params()
  predict(p)
  const weights = randomised(p)
  const times = Float32Array.of(0, 400, 820, 150, 0, 0) // of three frames with four tokens each
  const tokens = Float32Array.from({ length: 24 }, (_, i) => times[Math.floor(i / 4)])
  const [a, b] = [
    await evaluate({ v: given(3) }, { ...weights, ...batch, t: times }),
    await evaluate({ v: given(12) }, { ...weights, ...batch, t: tokens }),
  ]
  assertClose(a.v, b.v, 1e-6, 'v')
})

test('recomputed blocks give the same gradients', async () => {
  const weights = randomised(predictParams())
  const gradients = async (recompute: boolean) => {
    const p = params()
    const loss = sum(square(predict(p, { recompute })))
    const names = ['blocks.0.attn1.to_q.weight', 'condition_embedder.time_proj.bias', 'patch_embedding.weight']
    const found = grad(
      loss,
      names.map((name) => p.all.get(name)!.tensor),
    )
    return evaluate(Object.fromEntries(found.map((g, i) => [names[i], g])), { ...weights, ...batch })
  }
  const [kept, again] = [await gradients(false), await gradients(true)]
  for (const name of Object.keys(kept)) assertClose(again[name], kept[name], 1e-4, name)
})

test('recomputed blocks take less than half the memory of a training step', () => {
  const deep = { ...tiny, depth: 8 }
  const peak = (recompute: boolean) => {
    const p = params()
    const v = wanTransformer(p, deep)(input('x', latents), input('t', [2]), input('text', [2, 5, 8]), { recompute })
    const loss = mean(square(v))
    return costOf([
      loss,
      ...grad(
        loss,
        [...p.all.values()].map((one) => one.tensor),
      ),
    ]).peakBytes
  }
  const [kept, again] = [peak(false), peak(true)]
  assert.ok(again < 0.5 * kept, `${again} of ${kept} bytes`)
})

function predictParams(): Params {
  const p = params()
  predict(p)
  return p
}

test('a config or call that does not fit is refused in words', () => {
  const refuse = (json: unknown, message: RegExp) => assert.throws(() => wanConfig(json), { code: 'input', message })
  refuse({ image_dim: 1280 }, /^WanTransformer3DModel: 'image_dim' is 1280; it must be null, as other values are not/)
  refuse({ patch_size: [1, 2] }, /'patch_size' is \[1,2\]; it must be a list of 3 whole numbers$/)
  const network = wanTransformer(params(), tiny)
  const [t, text] = [input('t', [1]), input('text', [1, 5, 8])]
  assert.throws(() => network(input('x', [1, 3, 1, 4, 4]), t, text), /wanTransformer: x must be \[B, 4, T, H, W\]/)
  assert.throws(() => network(input('x', [1, 4, 9, 4, 4]), t, text), /no axis may have more than 8 patches/)
  const wide = input('wide', [1, 5, 9])
  assert.throws(
    () => network(input('x', [1, 4, 1, 4, 4]), t, wide),
    /text must be \[B, L, 8\], and t \[B\] or \[B, N\]/,
  )
})
