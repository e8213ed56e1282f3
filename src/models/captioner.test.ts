import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
import { assertLearned, normalNumbers, overfit, randomised, trainedCount } from '../../test/model.ts'
import { evaluate } from '../../test/on-node.ts'
import { input } from '../graph/index.ts'
import { params } from '../nn/index.ts'
import { captioner, captionerConfig, captionerJson, captionLoss } from './captioner.ts'

const side = { hidden_size: 16, num_hidden_layers: 2, num_attention_heads: 2, intermediate_size: 32 }
const tiny = captionerConfig({
  encoder: { ...side, image_size: 8, patch_size: 4 },
  decoder: { ...side, vocab_size: 9, max_position_embeddings: 6 },
})
const wide = { ...tiny, vision: { ...tiny.vision, width: 24 }, text: { ...tiny.text, tied: false } }
const clips = { ...tiny, frames: 3 }
const ids = Int32Array.of(0, 3, 4, 5, 1, 0, 6, 6, 1, 2)

test('a token never changes the logits of an earlier place, and changes those of its own', async () => {
  const p = params()
  const { encode, decode } = captioner(p, wide)
  const logits = decode(input('ids', [1, 6], 'int32'), encode(input('pixels', [1, 3, 8, 8])))
  const given = { ...randomised(p), pixels: normalNumbers(1, 3, 8, 8) }
  const before = (await evaluate({ logits }, { ...given, ids: Int32Array.of(0, 3, 4, 5, 6, 7) })).logits
  for (let at = 1; at < 6; at++) {
    const changed = Int32Array.of(0, 3, 4, 5, 6, 7)
    changed[at] = 8
    const after = (await evaluate({ logits }, { ...given, ids: changed })).logits
    assertClose(after.slice(0, at * 9), before.slice(0, at * 9), 1e-6, `places before ${at}`)
    assert.ok(Math.abs(after[at * 9] - before[at * 9]) > 1e-3, `place ${at}`)
  }
})

test('what is written depends on the picture, and on the order of the frames of a clip', async () => {
  const p = params()
  const { encode, decode } = captioner(p, clips)
  const of = (shape: number[]) => decode(input('ids', [1, 4], 'int32'), encode(input('pixels', shape)))
  const [still, clip] = [of([1, 3, 8, 8]), of([1, 3, 3, 8, 8])]
  const weights = { ...randomised(p), ids: Int32Array.of(0, 3, 4, 5) }
  const run = async (logits: typeof still, pixels: Float32Array) =>
    (await evaluate({ logits }, { ...weights, pixels })).logits
  const [one, two, three] = [1, 2, 3].map((seed) => normalNumbers(seed, 3, 8, 8))
  const join = (...frames: Float32Array[]) => Float32Array.from(frames.flatMap((frame) => [...frame]))
  const far = (a: ArrayLike<number>, b: ArrayLike<number>) => Math.max(...Array.from(a, (x, i) => Math.abs(x - b[i])))
  assert.ok(far(await run(still, one), await run(still, two)) > 1e-2)
  assert.ok(far(await run(clip, join(one, two, three)), await run(clip, join(three, two, one))) > 1e-3)
})

test('each sample of a batch of clips is seen alone', async () => {
  const p = params()
  const { encode } = captioner(p, clips)
  const both = encode(input('pixels', [2, 3, 3, 8, 8]))
  const second = encode(input('second', [1, 3, 3, 8, 8]))
  const pixels = normalNumbers(1, 2, 3, 3, 8, 8)
  const given = { ...randomised(p), pixels, second: pixels.slice(pixels.length / 2) }
  const found = await evaluate({ both, second }, given)
  const D = tiny.text.width
  const own = Array.from(found.both).filter((_, i) => Math.floor(i / D) % 2 === 1)
  assertClose(own, found.second, 1e-5, 'states of the second clip')
})

test('the logits of one place are those of all places', async () => {
  const p = params()
  const model = captioner(p, tiny)
  const [texts, context] = [input('ids', [2, 5], 'int32'), model.encode(input('pixels', [2, 3, 8, 8]))]
  const all = model.decode(texts, context)
  const one = model.next(texts, context, input('at', [1], 'int32'))
  const given = { ...randomised(p), pixels: normalNumbers(1, 2, 3, 8, 8), ids, at: Int32Array.of(3) }
  const found = await evaluate({ all, one }, given)
  const want = [0, 1].flatMap((b) => [...found.all.slice((b * 5 + 3) * 9, (b * 5 + 4) * 9)])
  assertClose(found.one, want, 1e-6, 'place 3')
})

for (const [name, config] of Object.entries({ 'tied, of pictures': tiny, 'untied, of clips': { ...wide, frames: 3 } }))
  test(`a captioner learns a batch by heart: ${name}`, async () => {
    const shape = config.frames > 1 ? [2, 3, 3, 8, 8] : [2, 3, 8, 8]
    const losses = await overfit(
      (p) => {
        const { encode, decode } = captioner(p, config)
        const texts = input('ids', [2, 5], 'int32')
        return captionLoss(decode(texts, encode(input('pixels', shape))), texts, { pad: 2 })
      },
      { ids, pixels: normalNumbers(1, ...shape) },
      { steps: 150, rate: 5e-3 },
    )
    assert.ok(Math.abs(losses[0] - Math.log(9)) < 0.4, `the first guess is even: ${losses[0]}`)
    assertLearned(losses, 0.05)
  })

test('places that hold padding do not count, nor does the first token', async () => {
  const logits = normalNumbers(1, 2, 5, 9)
  const loss = captionLoss(input('logits', [2, 5, 9]), input('ids', [2, 5], 'int32'), { pad: 2 })
  let [total, count] = [0, 0]
  for (let row = 0; row < 10; row++) {
    const label = row % 5 === 4 ? 2 : ids[row + 1]
    if (label === 2) continue
    const own = logits.slice(row * 9, row * 9 + 9)
    total += Math.log(own.reduce((sum, x) => sum + Math.exp(x), 0)) - own[label]
    count += 1
  }
  assert.equal(count, 7)
  assertClose((await evaluate({ loss }, { logits, ids })).loss, [total / count], 1e-5, 'loss')
})

test('a tied output layer has no weights of its own', () => {
  const untied = { ...tiny, text: { ...tiny.text, tied: false } }
  const parameters = (config: typeof tiny) => trainedCount((p) => captioner(p, config))
  assert.equal(parameters(untied) - parameters(tiny), 9 * 16)
})

test('the parameters carry the names of CLIPVisionModel and MBartDecoder', () => {
  const p = params()
  captioner(p, { ...wide, frames: 3 })
  const names = [...p.all.keys()].map((name) => name.replace(/(layers?)\.1\./, '$1.N.'))
  for (const name of [
    'encoder.vision_model.embeddings.class_embedding',
    'encoder.vision_model.encoder.layers.N.self_attn.q_proj.weight',
    'encoder.vision_model.post_layernorm.bias',
    'frame_embeddings',
    'enc_to_dec_proj.weight',
    'decoder.embed_positions.weight',
    'decoder.layers.N.self_attn.q_proj.weight',
    'decoder.layers.N.encoder_attn.out_proj.bias',
    'decoder.layers.N.encoder_attn_layer_norm.weight',
    'decoder.layers.N.final_layer_norm.bias',
    'decoder.layers.N.fc2.weight',
    'decoder.layer_norm.weight',
    'decoder.lm_head.weight',
  ])
    assert.ok(names.includes(name), name)
})

test('a config is the same after it was written and read', () => {
  for (const config of [tiny, wide, clips]) assert.deepEqual(captionerConfig(captionerJson(config)), config)
  assert.throws(() => captionerConfig({ encoder: { image_size: 8, patch_size: 4 } }), {
    message: "Captioner: 'decoder.vocab_size' is missing; it must be a whole number above 0",
  })
})

test('too many tokens or frames are refused', () => {
  const { encode, decode } = captioner(params(), clips)
  assert.throws(() => encode(input('pixels', [1, 4, 3, 8, 8])), /captioner: a clip has at most 3 frames/)
  assert.throws(
    () => decode(input('ids', [1, 7], 'int32'), input('states', [4, 1, 16])),
    /captioner: ids must be \[B, L\] with at most 6 tokens/,
  )
})
