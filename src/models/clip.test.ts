import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import { assertClose } from '../../test/close.ts'
import { assertLearned, assertParity, normalNumbers, overfit, randomised, trainedCount } from '../../test/model.ts'
import { evaluate } from '../../test/on-node.ts'
import { input, scalar, type Tensor } from '../graph/index.ts'
import { type Params, params } from '../nn/index.ts'
import { type ClipConfig, clip, clipConfig, clipJson, clipLoss, clipSizes, clipText } from './clip.ts'

const tiny: ClipConfig = {
  vision: { ...clipSizes['ViT-B/32'].vision, width: 32, depth: 2, heads: 2, hidden: 64, imageSize: 16, patchSize: 8 },
  text: {
    ...clipSizes['ViT-B/32'].text,
    width: 32,
    depth: 2,
    heads: 2,
    hidden: 64,
    vocabulary: 30,
    context: 6,
    endOfText: 29,
  },
  projection: 24,
}

for (const name of ['clip_quick_gelu', 'clip_gelu'])
  test(`clip gives the answers of CLIPModel (${name})`, () => assertParity(name))

test('the sizes have the parameters of the published models', () => {
  const count = (size: keyof typeof clipSizes) => trainedCount((p) => clip(p, clipSizes[size]))
  assert.equal(count('ViT-B/32'), 151_277_313)
  assert.equal(count('ViT-L/14'), 427_616_513)
})

// Rows of ids: start 28, words, end 29, padding 0.
const ids = Int32Array.of(28, 3, 4, 29, 0, 0, 28, 5, 29, 0, 0, 0, 28, 6, 7, 8, 29, 0, 28, 9, 1, 2, 3, 29)

function lossOf(p: Params): Tensor {
  const { image, text, scale } = clip(p, tiny)
  const images = image(input('pixels', [4, 3, 16, 16])).embedding
  return clipLoss(images, text(input('ids', [4, 6], 'int32')).embedding, scale())
}

test('clip learns which picture belongs to which text', async () => {
  const losses = await overfit(lossOf, { ids, pixels: normalNumbers(3, 4, 3, 16, 16) }, { rate: 2e-3 })
  assertLearned(losses, 0.05)
})

test('the loss is the mean surprise at the text of each picture and at the picture of each text', () =>
  checkOp(clipLoss, [[3, 4], [3, 4], { shape: [], draw: (u) => 3 + u }], (images, texts, [scale]) => {
    const rows = [0, 1, 2]
    const score = (i: number, j: number) =>
      scale * [0, 1, 2, 3].reduce((sum, d) => sum + images[4 * i + d] * texts[4 * j + d], 0)
    const total = (values: number[]) => values.reduce((a, b) => a + b)
    const surprise = (i: number) =>
      Math.log(total(rows.map((j) => Math.exp(score(i, j))))) +
      Math.log(total(rows.map((j) => Math.exp(score(j, i))))) -
      2 * score(i, i)
    return [total(rows.map(surprise)) / (2 * rows.length)]
  }))

test('the loss is that of chance where all embeddings are equal', async () => {
  const loss = clipLoss(input('a', [3, 2]), input('b', [3, 2]), scalar(5))
  const same = Float32Array.of(1, 0, 1, 0, 1, 0)
  assertClose((await evaluate({ loss }, { a: same, b: same })).loss, [Math.log(3)], 1e-6, 'chance')
})

test('nothing behind the end of a text changes its embedding, and something before it does', async () => {
  const p = params()
  const { embedding } = clip(p, tiny).text(input('ids', [4, 6], 'int32'))
  const weights = randomised(p)
  const embed = async (changed: readonly [at: number, id: number][]) => {
    const other = ids.slice()
    for (const [at, id] of changed) other[at] = id
    return (await evaluate({ embedding }, { ...weights, ids: other })).embedding as Float32Array
  }
  const straight = await embed([])
  const padded = await embed([
    [5, 17],
    [11, 29],
  ])
  assertClose(padded, straight, 1e-6, 'embedding')
  const word = await embed([[1, 4]])
  assert.notDeepEqual(word.slice(0, 24), straight.slice(0, 24))
  assert.deepEqual(word.slice(24), straight.slice(24))
  for (let row = 0; row < 4; row++)
    assertClose([Math.hypot(...straight.subarray(24 * row, 24 * (row + 1)))], [1], 1e-6, 'length of an embedding')
})

test('a masked token is not seen', async () => {
  const p = params()
  const { pooled } = clipText(p, tiny.text)(input('ids', [4, 6], 'int32'), input('mask', [4, 6]))
  const weights = randomised(p)
  const mask = new Float32Array(24).fill(1)
  mask[1] = 0
  const other = ids.slice()
  other[1] = 20
  const [one, two] = [
    await evaluate({ pooled }, { ...weights, ids, mask }),
    await evaluate({ pooled }, { ...weights, ids: other, mask }),
  ]
  assert.deepEqual(one.pooled, two.pooled)
})

test('a config is read as it was written', () => {
  assert.deepEqual(clipConfig(clipJson(tiny)), tiny)
})

test('older files repeat the sides, and the repetition counts', () => {
  const sides = { text_config: { hidden_size: 64 }, text_config_dict: { hidden_size: 128 } }
  assert.equal(clipConfig(sides).text.width, 128)
})

test('what does not fit is refused in words', () => {
  const refuse = (json: unknown, message: RegExp) => assert.throws(() => clipConfig(json), { code: 'input', message })
  refuse({ text_config: 3 }, /^CLIPModel: text_config. must be a JSON object$/)
  refuse({ vision_config: { image_size: [8, 16] } }, /'vision_config.image_size' is \[8,16\]; it must be one number/)
  const text = clipText(params(), tiny.text)
  assert.throws(() => text(input('ids', [1, 7], 'int32')), /clip: ids must be \[B, L\] with at most 6 tokens/)
})
