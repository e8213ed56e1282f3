import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
import { assertLearned, assertParity, normalNumbers, overfit, randomised, trainedCount } from '../../test/model.ts'
import { evaluate } from '../../test/on-node.ts'
import { input } from '../graph/index.ts'
import { params, sinCosPositions } from '../nn/index.ts'
import { crossEntropy } from '../ops/index.ts'
import { interpolatePositions, type ViTConfig, vit, vitConfig, vitSizes } from './vit.ts'

const tiny = vitConfig({
  hidden_size: 32,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  intermediate_size: 64,
  image_size: 16,
  patch_size: 8,
  num_labels: 3,
})

test('vit gives the answers of ViTForImageClassification', () => assertParity('vit_classifier'))

test('the sizes have the parameters that the paper counts', () => {
  const millions = (size: keyof typeof vitSizes) => Math.round(trainedCount((p) => vit(p, vitSizes[size])) / 1e6)
  // Table 1: 86, 307 and 632 million, of which the paper leaves out the head.
  assert.deepEqual([millions('ViT-B/16'), millions('ViT-L/16'), millions('ViT-H/14')], [87, 304, 632])
})

test('vit learns a batch by heart', async () => {
  const batch = { pixels: normalNumbers(1, 6, 3, 16, 16), labels: Int32Array.of(0, 1, 2, 2, 1, 0) }
  const build: Parameters<typeof overfit>[0] = (p) =>
    crossEntropy(vit(p, tiny)(input('pixels', [6, 3, 16, 16])).logits, input('labels', [6], 'int32'))
  const losses = await overfit(build, batch)
  assert.ok(Math.abs(losses[0] - Math.log(3)) < 1e-5, 'the head starts at zero, so all classes are equally likely')
  assertLearned(losses, 0.05)
})

/** Fails where all elements are nearly equal, as those are that were added up in another order. */
function assertApart(a: ArrayLike<number>, b: ArrayLike<number>): void {
  assert.ok(
    Array.from(a).some((value, i) => Math.abs(value - b[i]) > 1e-2),
    `${a} and ${b}`,
  )
}

test('only the positions tell where a patch lies', async () => {
  const p = params()
  const { logits } = vit(p, tiny)(input('pixels', [1, 3, 16, 16]))
  const weights = randomised(p)
  const pixels = normalNumbers(2, 1, 3, 16, 16)
  const straight = (await evaluate({ logits }, { ...weights, pixels })).logits
  // The left and right halves change places: patches 1 and 2, 3 and 4.
  const swapped = pixels.map((_, i) => pixels[i - (i % 16) + ((i + 8) % 16)])
  assertApart((await evaluate({ logits }, { ...weights, pixels: swapped })).logits, straight)
  const name = 'vit.embeddings.position_embeddings'
  const rows = weights[name] as Float32Array
  const moved = Float32Array.from([0, 2, 1, 4, 3].flatMap((row) => [...rows.subarray(row * 32, (row + 1) * 32)]))
  const both = (await evaluate({ logits }, { ...weights, [name]: moved, pixels: swapped })).logits
  assertClose(both, straight, 1e-5, 'logits')
})

/** Logits of a picture and of the same with its patches in another order, by the same weights. */
async function logitsOfTwo(config: ViTConfig): Promise<[ArrayLike<number>, ArrayLike<number>]> {
  const p = params()
  const { logits } = vit(p, config)(input('pixels', [1, 3, 16, 16]))
  const weights = randomised(p)
  const pixels = normalNumbers(3, 1, 3, 16, 16)
  const swapped = pixels.map((_, i) => pixels[i - (i % 16) + ((i + 8) % 16)])
  const run = async (pixels: Float32Array) => (await evaluate({ logits }, { ...weights, pixels })).logits
  return [await run(pixels), await run(swapped)]
}

test('without positions a picture is a bag of patches, with fixed ones it is not', async () => {
  for (const pool of ['token', 'mean'] as const) {
    const [a, b] = await logitsOfTwo({ ...tiny, pool, positions: 'none' })
    assertClose(a, b, 1e-5, 'logits')
    const [c, d] = await logitsOfTwo({ ...tiny, pool, positions: 'sin-cos' })
    assertApart(c, d)
  }
})

test('fixed positions are those of the grid, row by row, and the class token has none', async () => {
  const config = { ...tiny, imageSize: [16, 24] } as const
  const x = input('pixels', [1, 3, 16, 24])
  const p = params()
  const learned = vit(p, config)(x).logits
  const fixed = vit(params(), { ...config, positions: 'sin-cos' })(x).logits
  const { table } = await evaluate({ table: sinCosPositions([2, 3], 32) }, {})
  const positions = Float32Array.of(...new Float32Array(32), ...table)
  const feeds = {
    ...randomised(p),
    'vit.embeddings.position_embeddings': positions,
    pixels: normalNumbers(4, 3, 16, 24),
  }
  const [a, b] = [await evaluate({ y: learned }, feeds), await evaluate({ y: fixed }, feeds)]
  assertClose(b.y, a.y, 1e-5, 'logits')
})

test('with the mean of the patches there is no class token, and fixed positions are not learned', () => {
  const names = (config: ViTConfig) => {
    const p = params()
    vit(p, config)
    return [...p.all.keys()].filter((name) => /cls_token|position/.test(name))
  }
  assert.deepEqual(names(tiny), ['vit.embeddings.cls_token', 'vit.embeddings.position_embeddings'])
  assert.deepEqual(names({ ...tiny, pool: 'mean' }), ['vit.embeddings.position_embeddings'])
  assert.deepEqual(names({ ...tiny, pool: 'mean', positions: 'sin-cos' }), [])
})

test('vit learns a batch by heart from the mean of its patches too', async () => {
  const batch = { pixels: normalNumbers(1, 6, 3, 16, 16), labels: Int32Array.of(0, 1, 2, 2, 1, 0) }
  const config: ViTConfig = { ...tiny, pool: 'mean', positions: 'sin-cos' }
  const build: Parameters<typeof overfit>[0] = (p) =>
    crossEntropy(vit(p, config)(input('pixels', [6, 3, 16, 16])).logits, input('labels', [6], 'int32'))
  assertLearned(await overfit(build, batch), 0.05)
})

test('positions for another size keep the class token and the corners, and lie on planes between', () => {
  // One column that holds 10 y + x, after a class token of 99.
  const plane = (h: number, w: number, stepY: number, stepX: number) =>
    Array.from({ length: h * w }, (_, i) => 10 * Math.floor(i / w) * stepY + (i % w) * stepX)
  const positions = Float32Array.of(99, ...plane(3, 2, 1, 1))
  const wider = interpolatePositions({ positions, grid: [3, 2] }, [5, 3], 1)
  assertClose(wider, [99, ...plane(5, 3, 0.5, 0.5)], 1e-6, 'positions')
  assert.deepEqual(interpolatePositions({ positions, grid: [3, 2] }, [3, 2], 1), positions)
  assertClose(interpolatePositions({ positions, grid: [3, 2] }, [1, 1], 1), [99, 0], 1e-6, 'a single place')
  assert.throws(() => interpolatePositions({ positions, grid: [4, 2] }, [3, 2], 1), /positions must be/)
})

test('a config that does not fit is refused in words', () => {
  const refuse = (json: unknown, message: RegExp) => assert.throws(() => vitConfig(json), { code: 'input', message })
  refuse([], /^ViTForImageClassification: the config must be a JSON object$/)
  refuse({ hidden_size: '64' }, /'hidden_size' is "64"; it must be a whole number above 0$/)
  refuse({ hidden_act: 'xielu' }, /'hidden_act' is "xielu"; it must be one of gelu, .*tanh$/)
  refuse({ num_attention_heads: 7 }, /'num_attention_heads' is 7; it must be a divisor of hidden_size 768$/)
  refuse({ patch_size: [16, 16, 2] }, /'patch_size' is \[16,16,2\]; it must be a list of 2 whole numbers$/)
})

test('a picture of another size is refused', () => {
  assert.throws(() => vit(params(), tiny)(input('pixels', [1, 3, 8, 16])), /vit: pixels must be \[B, 3, 16, 16\]/)
})
