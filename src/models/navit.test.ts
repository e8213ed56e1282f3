import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
import { assertLearned, normalNumbers, overfit, randomised } from '../../test/model.ts'
import { evaluate } from '../../test/on-node.ts'
import { fill } from '../../test/positions.ts'
import { type Planes, packPatches } from '../data/pack-patches.ts'
import { parseSafetensors } from '../files/safetensors.ts'
import { input, scalar } from '../graph/index.ts'
import { params } from '../nn/index.ts'
import { navit, navitConfig, navitContrast, navitInputs, navitLoss } from './navit.ts'

const folder = new URL('../../test/cases/navit/', import.meta.url)
const json = async (name: string) => JSON.parse(await readFile(new URL(name, folder), 'utf8'))
const tensorsOf = async (name: string) => parseSafetensors(await readFile(new URL(name, folder)), name).tensors
const config = navitConfig(await json('config.json'))
const { patchSize, channels } = config
const patch = [1, patchSize, patchSize] as const

/** Logits of pictures in packed rows, picture by picture. */
async function logitsOf(
  pictures: readonly Planes[],
  length: number,
  options: { weights: Record<string, Float32Array>; placed?: number[][] },
) {
  const {
    placed: groups,
    lengths: _,
    ...arrays
  } = packPatches(pictures, { patch, channels, length, placed: options.placed })
  const slots = Math.max(...groups.map((group) => group.length))
  const y = navit(params(), config)(navitInputs(config, { rows: groups.length, length }), slots)
  const { y: all } = await evaluate({ y }, { ...arrays, ...options.weights })
  const { classes } = config
  const logits: Float32Array[] = []
  for (const [r, group] of groups.entries())
    for (const [s, picture] of group.entries())
      logits[picture] = all.slice((r * slots + s) * classes, (r * slots + s + 1) * classes) as Float32Array
  return logits
}

test("navit gives the answers of vit-pytorch's NaViT for pictures that share rows, and reads all of its weights", async () => {
  const [stored, expected] = [await tensorsOf('model.safetensors'), await tensorsOf('expected.safetensors')]
  const groups = (await json('case.json')).groups as [number, number][][]
  const pictures: Planes[] = []
  const placed = groups.map((group, i) =>
    group.map(([height, width], j) => {
      pictures.push({ height, width, pixels: expected.get(`input.image_${i}_${j}`)!.data as Float32Array })
      return pictures.length - 1
    }),
  )
  const p = params()
  navit(p, config)(navitInputs(config, { rows: 2, length: 40 }), 3)
  assert.deepEqual([...p.all.keys()].sort(), [...stored.keys()].sort())
  const weights = Object.fromEntries([...stored].map(([name, { data }]) => [name, data as Float32Array]))
  const logits = await logitsOf(pictures, 40, { weights, placed })
  const want = expected.get('output.logits')!.data as Float32Array
  assertClose(
    logits.flatMap((row) => [...row]),
    want,
    1e-5 * Math.max(...want.map(Math.abs)),
    'logits',
  )
})

test('packed pictures have the logits of pictures alone, to float noise (section 2.1)', async () => {
  const sizes = [
    [24, 40],
    [16, 16],
    [64, 8],
    [32, 32],
    [8, 24],
    [8, 8],
  ]
  const pictures = sizes.map(([height, width], i) => ({
    height,
    width,
    pixels: normalNumbers(i, channels, height, width),
  }))
  const p = params()
  navit(p, config)(navitInputs(config, { rows: 1, length: 8 }), 1)
  const weights = randomised(p) as Record<string, Float32Array>
  const packed = await logitsOf(pictures, 48, { weights })
  for (const [i, picture] of pictures.entries()) {
    const [alone] = await logitsOf([picture], 16, { weights })
    assertClose(packed[i], alone, 2e-6, `picture ${i}`)
  }
})

test('navit learns a batch of pictures of different shapes by heart', async () => {
  const sizes = [
    [16, 24],
    [8, 8],
    [32, 8],
    [16, 16],
  ]
  const pictures = sizes.map(([height, width], i) => ({
    height,
    width,
    pixels: normalNumbers(9 + i, channels, height, width),
  }))
  const { placed, lengths: _, ...arrays } = packPatches(pictures, { patch, channels, length: 9 })
  const slots = Math.max(...placed.map((group) => group.length))
  const labels = Int32Array.from(placed.flatMap((group) => Array.from({ length: slots }, (_, s) => group[s] ?? -100)))
  const losses = await overfit(
    (p) => {
      const logits = navit(p, config)(navitInputs(config, { rows: placed.length, length: 9 }), slots)
      return navitLoss(logits, input('labels', [labels.length], 'int32'))
    },
    { ...arrays, labels },
  )
  assertLearned(losses, 0.1)
})

test('a picture that is no whole number of patches, a full row and a wrong config are refused in words', () => {
  const picture = (height: number, width: number): Planes => ({
    height,
    width,
    pixels: normalNumbers(1, channels, height, width),
  })
  const options = { patch, channels, length: 4 }
  assert.throws(() => packPatches([picture(8, 12)], options), {
    message: /^packPatches: sample 0 is 1 × 8 × 12; its sides must be multiples of 1 × 8 × 8$/,
  })
  assert.throws(() => packPatches([picture(16, 16), picture(8, 8)], { ...options, placed: [[0, 1]] }), {
    message: 'packPatches: row 0 holds more than 4 tokens',
  })
  assert.throws(() => navitConfig({ image_size: 64 }), { code: 'input', message: /'patch_size' is missing/ })
  assert.throws(() => navit(params(), { ...config, patchSize: 7 }), {
    message: /^navit: patchSize must divide the largest sides/,
  })
})

test('with fractional positions packed pictures have the logits of pictures alone, and a place is a part of the side', async () => {
  const fractional = { ...config, positions: 'fractional' as const }
  const at = (R: number, N: number) => navitInputs(fractional, { rows: R, length: N })
  const pictures: Planes[] = [
    { height: 24, width: 40, pixels: normalNumbers(1, channels, 24, 40) },
    { height: 96, width: 8, pixels: normalNumbers(2, channels, 96, 8) }, // higher than any table of the config
  ]
  const p = params()
  const y = navit(p, fractional)(at(1, 30), 2)
  const weights = randomised(p)
  const run = async (graph: typeof y, chosen: Planes[], length: number) => {
    const { placed: _, lengths: __, ...arrays } = packPatches(chosen, { patch, channels, length })
    return (await evaluate({ y: graph }, { ...arrays, ...weights })).y
  }
  const packed = await run(y, pictures, 30)
  for (const [i, picture] of pictures.entries()) {
    const alone = await run(navit(params(), fractional)(at(1, 16), 1), [picture], 16)
    assertClose(packed.slice(i * config.classes, (i + 1) * config.classes), alone, 2e-6, `picture ${i}`)
  }
  assert.throws(() => navit(params(), fractional)(navitInputs(config, { rows: 1, length: 8 }), 1), {
    message: /^navit: rows and columns of fractional positions must be float32/,
  })
})

test('a fractional position r is the learned mixture of sin 2ᵏπr, then cos 2ᵏπr, for k = 0…5', async () => {
  const picture: Planes = { height: 24, width: 40, pixels: normalNumbers(1, channels, 24, 40) }
  const { placed: _, lengths: __, ...arrays } = packPatches([picture], { patch, channels, length: 15 })
  const p = params()
  const at = (positions: 'absolute' | 'fractional') => {
    const own = { ...config, positions }
    return navit(positions === 'fractional' ? p : params(), own)(navitInputs(own, { rows: 1, length: 15 }), 1)
  }
  const [fractional, absolute] = [at('fractional'), at('absolute')]
  const weights = randomised(p)
  const { width } = config
  /** A table of places whose rows are what the mixture makes of the middles of so many patches. */
  const table = (mixture: ArrayLike<number>, axis: 0 | 1, patches: number) =>
    fill([config.imageSize[axis] / patchSize, width], ([i, d]) => {
      let sum = 0
      for (let k = 0; k < 6; k++) {
        const angle = (2 ** k * Math.PI * (i + 0.5)) / patches
        sum += Math.sin(angle) * mixture[k * width + d] + Math.cos(angle) * mixture[(6 + k) * width + d]
      }
      return sum
    })
  const tables = {
    pos_embed_height: table(weights.pos_embed_height, 0, 3),
    pos_embed_width: table(weights.pos_embed_width, 1, 5),
  }
  const got = await evaluate({ y: fractional }, { ...arrays, ...weights })
  const want = await evaluate({ y: absolute }, { ...arrays, ...weights, ...tables })
  assertClose(got.y, want.y, 1e-5, 'logits')
})

test("the contrastive loss of packed pictures is CLIP's of the pictures that are there", async () => {
  const [E, scale] = [5, 7]
  const slots = [0, 1, 3] // of two rows of two; slot 2 is empty
  const [pictures, texts] = [normalNumbers(1, 4, E), normalNumbers(2, 4, E)]
  const packed = navitContrast(input('pictures', [2, 2, E]), input('texts', [2, 2, E]), {
    filled: input('filled', [2, 2], 'int32'),
    scale: scalar(scale),
  })
  const { packed: got } = await evaluate({ packed }, { pictures, texts, filled: Int32Array.of(1, 1, 0, 1) })
  const unit = (x: Float32Array, i: number) => {
    const row = [...x.slice(i * E, (i + 1) * E)]
    return row.map((value) => value / Math.hypot(...row))
  }
  const score = (i: number, j: number) =>
    scale * unit(pictures, i).reduce((sum, v, k) => sum + v * unit(texts, j)[k], 0)
  let want = 0
  for (const i of slots) {
    const [row, column] = [slots.map((j) => Math.exp(score(i, j))), slots.map((j) => Math.exp(score(j, i)))]
    const sum = (values: number[]) => values.reduce((a, b) => a + b)
    want += (Math.log(sum(row)) + Math.log(sum(column)) - 2 * score(i, i)) / (2 * slots.length)
  }
  assertClose(got, [want], 1e-5, 'loss')
})
