import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
import { assertLearned, normalNumbers, overfit, randomised } from '../../test/model.ts'
import { evaluate } from '../../test/on-node.ts'
import { type Picture, packPictures } from '../data/picture-patches.ts'
import { parseSafetensors } from '../files/safetensors.ts'
import { input } from '../graph/index.ts'
import { params } from '../nn/index.ts'
import { crossEntropy, reshape } from '../ops/index.ts'
import { type NaViTConfig, navit, navitConfig } from './navit.ts'

const folder = new URL('../../test/cases-packed/navit/', import.meta.url)
const json = async (name: string) => JSON.parse(await readFile(new URL(name, folder), 'utf8'))
const tensorsOf = async (name: string) => parseSafetensors(await readFile(new URL(name, folder)), name).tensors
const config = navitConfig(await json('config.json'))
const { patchSize, channels } = config

/** Logits of pictures in packed rows, picture by picture. */
async function logitsOf(
  pictures: readonly Picture[],
  length: number,
  options: { weights: Record<string, Float32Array>; placed?: number[][] },
) {
  const { placed: groups, ...arrays } = packPictures(pictures, { patchSize, channels, length, placed: options.placed })
  const slots = Math.max(...groups.map((group) => group.length))
  const y = navit(params(), config)(leaves(config, groups.length, length), slots)
  const { y: all } = await evaluate({ y }, { ...arrays, ...options.weights })
  const { classes } = config
  const logits: Float32Array[] = []
  for (const [r, group] of groups.entries())
    for (const [s, picture] of group.entries())
      logits[picture] = all.slice((r * slots + s) * classes, (r * slots + s + 1) * classes) as Float32Array
  return logits
}

const leaves = ({ patchSize: P, channels: C }: NaViTConfig, R: number, N: number) => ({
  patches: input('patches', [R, N, C * P * P]),
  rows: input('rows', [R, N], 'int32'),
  columns: input('columns', [R, N], 'int32'),
  picture: input('picture', [R, N], 'int32'),
})

test("navit gives the answers of vit-pytorch's NaViT for pictures that share rows, and reads all of its weights", async () => {
  const [stored, expected] = [await tensorsOf('model.safetensors'), await tensorsOf('expected.safetensors')]
  const groups = (await json('case.json')).groups as [number, number][][]
  const pictures: Picture[] = []
  const placed = groups.map((group, i) =>
    group.map(([height, width], j) => {
      pictures.push({ height, width, pixels: expected.get(`input.image_${i}_${j}`)!.data as Float32Array })
      return pictures.length - 1
    }),
  )
  const p = params()
  navit(p, config)(leaves(config, 2, 40), 3)
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
  navit(p, config)(leaves(config, 1, 8), 1)
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
  const { placed, ...arrays } = packPictures(pictures, { patchSize, channels, length: 9 })
  const slots = Math.max(...placed.map((group) => group.length))
  const labels = Int32Array.from(placed.flatMap((group) => Array.from({ length: slots }, (_, s) => group[s] ?? -100)))
  const losses = await overfit(
    (p) => {
      const logits = navit(p, config)(leaves(config, placed.length, 9), slots)
      return crossEntropy(reshape(logits, [-1, config.classes]), input('labels', [labels.length], 'int32'), {
        ignore: -100,
      })
    },
    { ...arrays, labels },
  )
  assertLearned(losses, 0.1)
})

test('a picture that is no whole number of patches, a full row and a wrong config are refused in words', () => {
  const picture = (height: number, width: number): Picture => ({
    height,
    width,
    pixels: normalNumbers(1, channels, height, width),
  })
  const options = { patchSize, channels, length: 4 }
  assert.throws(() => packPictures([picture(8, 12)], options), {
    message: /picture 0 is 8 × 12; both must be multiples of 8/,
  })
  assert.throws(() => packPictures([picture(16, 16), picture(8, 8)], { ...options, placed: [[0, 1]] }), {
    message: 'packPictures: row 0 holds more than 4 tokens',
  })
  assert.throws(() => navitConfig({ image_size: 64 }), { code: 'input', message: /'patch_size' is missing/ })
  assert.throws(() => navit(params(), { ...config, patchSize: 7 }), {
    message: /^navit: patchSize must divide the largest sides/,
  })
})
