import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, test } from 'node:test'
import sharp from 'sharp'
import { runCli, scratchFolder } from '../../test/cli.ts'
import { writeTinyModel } from '../../test/tiny-model.ts'
import { decodeClip } from '../files/webp.ts'
import { readRecipe } from './clip-recipe.ts'

const cwd = await scratchFolder()
const generate = (...args: string[]) =>
  runCli(['generate', '-m', 'tiny', '--steps', '2', '-s', '3', 'a red heart', ...args], { cwd })
const clipOf = async (name: string) => decodeClip(await readFile(join(cwd, name)))

before(async () => {
  await writeTinyModel(join(cwd, 'models', 'tiny'))
  await sharp({ create: { width: 90, height: 60, channels: 3, background: '#c22' } })
    .jpeg()
    .toFile(join(cwd, 'photo.jpg'))
  assert.equal((await generate('-o', 'clip.webp')).code, 0)
})

test('a picture comes to life, and its name stands in the recipe', async () => {
  const { code, err } = await generate('--image', 'photo.jpg', '-o', 'image.webp')
  assert.equal(code, 0, err)
  const clip = await clipOf('image.webp')
  assert.deepEqual([clip.width, clip.height], [32, 32])
  const recipe = (await readRecipe(join(cwd, 'image.webp'))) as Record<string, unknown>
  assert.equal(recipe.image, 'photo.jpg')
  assert.notDeepEqual((await clipOf('image.webp')).frames, (await clipOf('clip.webp')).frames)
})

test('a clip is extended both ways, closed to a loop, and joined with a picture', async () => {
  const length = async (...args: string[]) => {
    const { code, err } = await generate(...args, '-o', 'whole.webp')
    assert.equal(code, 0, err)
    return (await clipOf('whole.webp')).delays.reduce((a, b) => a + b)
  }
  const frame = 100 // ms; the tiny model draws 5 frames a clip, of which one latent frame is given on each side
  assert.equal(await length('--extend', 'clip.webp'), (5 + 4) * frame)
  assert.equal(await length('--extend', 'clip.webp', '--back'), (3 + 5) * frame)
  assert.equal(await length('--loop', 'clip.webp'), (5 + 2) * frame)
  assert.equal(await length('--between', 'clip.webp', 'photo.jpg'), (5 + 2 + 1) * frame)
})

test('a wide clip and one of another shape are drawn from in a wide frame', async () => {
  for (const args of [
    ['--image', 'photo.jpg'],
    ['--extend', 'clip.webp'],
    ['--image', 'photo.jpg', '--mask', 'photo.jpg'],
  ]) {
    const { code, err } = await generate(...args, '--size', '64x32', '-o', 'wide.webp')
    assert.equal(code, 0, err)
    const clip = await clipOf('wide.webp')
    assert.deepEqual([clip.width, clip.height], [64, 32], args.join(' '))
  }
  const thin = { width: 1, height: 3000, channels: 4, background: '#c22' } as const
  await sharp({ create: thin }).png().toFile(join(cwd, 'thin.png'))
  assert.equal((await generate('--image', 'thin.png', '--size', '64x32', '-o', 'thin.webp')).code, 0)
})

test('what a mask leaves black stays nearer to the picture than what it leaves white', async () => {
  const half = Buffer.from(
    '<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32"><rect width="16" height="32" fill="#fff"/></svg>',
  )
  await writeFile(join(cwd, 'half.svg'), half)
  const one = await generate('--image', 'photo.jpg', '--strength', '0.01', '-o', 'kept.webp', '--steps', '8')
  assert.equal(one.code, 0, one.err)
  const { code, err } = await generate(
    '--image',
    'photo.jpg',
    '--mask',
    'half.svg',
    '-o',
    'masked.webp',
    '--steps',
    '8',
  )
  assert.equal(code, 0, err)
  const [kept, masked] = [await clipOf('kept.webp'), await clipOf('masked.webp')]
  const far = (left: number) => {
    let sum = 0
    for (let y = 0; y < 32; y++)
      for (let x = left; x < left + 16; x++)
        for (let c = 0; c < 4; c++)
          sum += Math.abs(kept.frames[4 * (32 * y + x) + c] - masked.frames[4 * (32 * y + x) + c])
    return sum
  }
  assert.ok(far(16) < far(0), `${far(16)} and ${far(0)}`)
})

test('flags that do not go together, a missing or damaged file and a picture in place of a clip are refused', async () => {
  await writeFile(join(cwd, 'damaged.png'), 'no picture')
  const cases: [string[], number, RegExp][] = [
    [['--image', 'photo.jpg', '--loop', 'clip.webp'], 2, /exclude each other/],
    [['--strength', '0.5'], 2, /--strength needs --image/],
    [['--mask', 'half.svg'], 2, /--mask needs --image/],
    [['--back'], 2, /--back needs --extend/],
    [['--between', 'clip.webp'], 2, /takes two files \(got 1\)/],
    [['--image', 'photo.jpg', '--strength', '1.5'], 2, /from 0\.01 to 1/],
    [['--extend', 'photo.jpg'], 3, /photo\.jpg: has one frame; only a clip can be extended or looped/],
    [['--image', 'none.png'], 3, /none\.png/],
    [['--image', 'damaged.png'], 3, /damaged\.png: damaged/],
  ]
  for (const [args, exit, message] of cases) {
    const { code, err } = await generate(...args)
    assert.equal(code, exit, `${args.join(' ')}: ${err}`)
    assert.match(err, message)
  }
})
