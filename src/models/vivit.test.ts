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
import { crossEntropy } from '../ops/index.ts'
import { costOf } from '../transform/cost.ts'
import { vit, vitSizes } from './vit.ts'
import { type ViViTConfig, type ViViTModel, vivit, vivitConfig, vivitModels, vivitSizes } from './vivit.ts'

const tiny = vivitConfig({
  hidden_size: 32,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  intermediate_size: 64,
  image_size: 8,
  num_frames: 4,
  tubelet_size: [2, 4, 4],
  num_labels: 2,
})

test('vivit gives the answers of VivitForVideoClassification', () => assertParity('vivit'))

test('a size of ViViT is that of ViT, with longer tubelets and a position for each token of every frame', () => {
  const count = (size: keyof typeof vivitSizes) => trainedCount((p) => vivit(p, vivitSizes[size]))
  const image = { ...vitSizes['ViT-B/16'], classes: 400 }
  const more = 3 * 16 * 16 * 768 + 15 * 14 * 14 * 768 // the kernel's second frame, and 15 more frames of positions
  assert.equal(count('ViViT-B/16x2') - trainedCount((p) => vit(p, image)), more)
})

test('each of the four models learns which way a bar moves, which no single frame tells', async () => {
  const frames = 4
  const pixels = new Float32Array(4 * frames * 3 * 64)
  // Clips 0 and 1: a bar runs right, from two places; clips 2 and 3: the same frames backwards.
  for (let clip = 0; clip < 4; clip++)
    for (let t = 0; t < frames; t++)
      for (let row = 0; row < 24; row++) {
        const at = clip < 2 ? t : frames - 1 - t
        pixels[((clip * frames + t) * 24 + row) * 8 + ((at + 2 * (clip % 2)) % 8)] = 1
      }
  for (const model of vivitModels) {
    const network = { ...tiny, model, temporalDepth: 1 }
    const losses = await overfit(
      (p) =>
        crossEntropy(vivit(p, network)(input('pixels', [4, frames, 3, 8, 8])).logits, input('labels', [4], 'int32')),
      { pixels, labels: Int32Array.of(0, 0, 1, 1) },
      { steps: 60 },
    )
    assertLearned(losses, 0.1)
  }
})

test('the four models have the parameters and cost of table 2', () => {
  // Millions of parameters, and 10⁹ multiply-adds, in which the paper also counts what is not a matrix product.
  const table: Record<ViViTModel, [number, number]> = {
    'spatio-temporal attention': [88.9, 455.2],
    'factorised encoder': [115.1, 284.4],
    'factorised self-attention': [117.3, 372.3],
    'factorised dot-product attention': [88.9, 277.1],
  }
  for (const model of vivitModels) {
    const config = { ...vivitSizes['ViViT-B/16x2'], model }
    const { logits } = vivit(params(), config)(input('pixels', [1, 32, 3, 224, 224]))
    const [million, billion] = table[model]
    assert.ok(Math.abs(trainedCount((p) => vivit(p, config)) / 1e6 - million) < 0.1, model)
    assert.ok(Math.abs(costOf([logits]).flops / 2e9 / billion - 1) < 0.01, `${model}: ${costOf([logits]).flops / 2e9}`)
  }
})

/** Which of the tokens [T' = 2, S = 4] change when the last place of the second frame does. */
async function reached(model: ViViTModel, depth: number): Promise<boolean[]> {
  const p = params()
  const { states } = vivit(p, { ...tiny, depth, model })(input('pixels', [1, 4, 3, 8, 8]))
  const weights = randomised(p)
  const pixels = normalNumbers(1, 1, 4, 3, 8, 8)
  const other = pixels.slice()
  other[other.length - 1] += 1
  const [before, after] = [pixels, other].map((clip) => evaluate({ states }, { ...weights, pixels: clip }))
  const [a, b] = [(await before).states, (await after).states]
  return Array.from({ length: 8 }, (_, n) => {
    const row = (values: ArrayLike<number>) => Array.from({ length: 32 }, (_, d) => values[n * 32 + d])
    return row(a).some((value, d) => Math.abs(value - row(b)[d]) > 1e-6)
  })
}

test('one block of model 4 reads the same frame and the same place, one of model 3 all, two of model 4 too', async () => {
  const all = new Array(8).fill(true)
  const sameFrameOrPlace = [false, false, false, true, true, true, true, true]
  assert.deepEqual(await reached('factorised dot-product attention', 1), sameFrameOrPlace)
  assert.deepEqual(await reached('factorised dot-product attention', 2), all)
  assert.deepEqual(await reached('factorised self-attention', 1), all)
})

test('before training, a block of model 3 reads its own frame alone', async () => {
  const p = params()
  const { states } = vivit(p, { ...tiny, model: 'factorised self-attention' })(input('pixels', [1, 4, 3, 8, 8]))
  const weights = initial(p)
  const pixels = normalNumbers(2, 1, 4, 3, 8, 8)
  const before = (await evaluate({ states }, { ...weights, pixels })).states
  const other = pixels.map((value, i) => (i < pixels.length / 2 ? value : value + 1)) // the second frame's tubelets
  const after = (await evaluate({ states }, { ...weights, pixels: other })).states
  assert.deepEqual(after.slice(0, 4 * 32), before.slice(0, 4 * 32))
  assert.notDeepEqual(after, before)
})

test('uniform sampling takes frames at equal spacing and gives them the tokens of their patches', async () => {
  const p = params()
  const config: ViViTConfig = { ...tiny, frames: 8, sampledFrames: 3, tubelet: [1, 4, 4] }
  const { states } = vivit(p, config)(input('pixels', [1, 8, 3, 8, 8]))
  assert.deepEqual(states.shape, [1, 1 + 3 * 4, 32])
  const weights = randomised(p)
  const pixels = normalNumbers(4, 1, 8, 3, 8, 8)
  const of = async (pixels: Float32Array) => (await evaluate({ states }, { ...weights, pixels })).states
  const before = await of(pixels)
  for (let t = 0; t < 8; t++) {
    const after = await of(pixels.map((value, i) => (Math.floor(i / 192) === t ? value + 1 : value)))
    assert[[2, 4, 6].includes(t) ? 'notDeepEqual' : 'deepEqual'](after, before, `frame ${t}`)
  }
  // A ViViT of those three frames alone is the same network.
  const q = params()
  const few = vivit(q, { ...tiny, frames: 3, tubelet: [1, 4, 4] })(input('pixels', [1, 3, 3, 8, 8]))
  const chosen = Float32Array.from([2, 4, 6].flatMap((t) => [...pixels.subarray(t * 192, (t + 1) * 192)]))
  assert.deepEqual((await evaluate({ states: few.states }, { ...weights, pixels: chosen })).states, before)
})

test('a config or clip that does not fit is refused in words', () => {
  const refuse = (json: unknown, message: RegExp) => assert.throws(() => vivitConfig(json), { code: 'input', message })
  refuse({ tubelet_size: [2, 16] }, /'tubelet_size' is \[2,16\]; it must be a list of 3 whole numbers$/)
  refuse({ num_frames: 0 }, /'num_frames' is 0/)
  const network = vivit(params(), tiny)
  assert.throws(() => network(input('pixels', [1, 3, 4, 8, 8])), /vivit: pixels must be \[B, 4, 3, 8, 8\]/)
  const sampling = (sampledFrames: number) => () => vivit(params(), { ...tiny, sampledFrames })
  assert.throws(sampling(2), /vivit: sampled frames must be at most all, each cut into patches, tubelets \[1, h, w\]/)
  assert.throws(sampling(5), /vivit: sampled frames must be at most all/)
  const odd = { ...tiny, heads: 1, model: 'factorised dot-product attention' } as const
  assert.throws(() => vivit(params(), odd), /vivit: factorised dot-product attention needs an even number of heads/)
})
