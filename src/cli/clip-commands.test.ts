import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { runCli, scratchFolder } from '../../test/cli.ts'
import { writeTinyModel } from '../../test/tiny-model.ts'
import { readSafetensors } from '../files/checkpoint.ts'
import { encodeStrip, encodeWebp } from '../files/webp.ts'
import { recipeXmp } from './clip-recipe.ts'

const cwd = await scratchFolder()
process.env.TUBELET_CACHE = join(cwd, 'cache')

/** A clip of one colour a frame. */
const plain = (...colours: [number, number, number][]) => ({
  frames: Uint8Array.from(colours.flatMap((rgb) => new Array(16 * 16).fill([...rgb, 255]).flat())),
  ...{ count: colours.length, width: 16, height: 16, fps: 10 },
})
const put = async (name: string, content: string | Uint8Array) => writeFile(join(cwd, name), content)

before(async () => {
  await writeTinyModel(join(cwd, 'models', 'tiny'))
  for (const folder of ['pictures/inner', 'empty', 'one', 'damaged'])
    await mkdir(join(cwd, folder), { recursive: true })
  await put('pictures/red.webp', await encodeWebp(plain([255, 0, 0]), { quality: 'lossless' }))
  await put('pictures/inner/blue.png', await encodeStrip(plain([0, 0, 255])))
  await put('pictures/clip.webp', await encodeWebp(plain([255, 0, 0], [0, 0, 255]), { quality: 'lossless' }))
  await put('strip.png', await encodeStrip(plain([255, 0, 0], [0, 0, 255]), { xmp: recipeXmp({ prompt: 'x' }, 2) }))
  await put(
    'red.svg',
    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9" fill="#f00"/></svg>',
  )
  await put('one/red.webp', await readFile(join(cwd, 'pictures/red.webp')))
  await put('damaged/cut.png', (await readFile(join(cwd, 'strip.png'))).subarray(0, 50))
  await put('labels.txt', 'red heart\r\n\ncat\ncat\n')
  await put('none.txt', '\n \n')
  await put('wide.txt', Buffer.from('cat\nred heart\n', 'utf16le'))
})

const run = (...args: string[]) => runCli([...args, '-m', 'tiny'], { cwd })
const json = async (...args: string[]) => {
  const { code, out, err } = await run(...args, '--json', '-q')
  assert.deepEqual([code, err], [0, ''])
  return JSON.parse(out)
}
const length = (vector: readonly number[]) => Math.hypot(...vector)

test('a text whose end is not read is told, and what is not read', async () => {
  const { code, err } = await run('embed', '--text', `${'red heart '.repeat(20)}blue`, '-o', 'long.safetensors')
  assert.equal(code, 0)
  assert.match(err, /is too long; the model does not read its end: (red |heart )*.*…/)
  const short = await run('embed', '--text', 'red heart', '-o', 'short.safetensors')
  assert.doesNotMatch(short.err, /too long/)
})

test('embed writes vectors of length 1 with the names of what they were made of and the hash of the model', async () => {
  const { code, out } = await run(
    'embed',
    'pictures/red.webp',
    'pictures/clip.webp',
    '--text',
    'cat',
    '-o',
    'v.safetensors',
  )
  assert.deepEqual([code, out], [0, 'v.safetensors\n'])
  const { arrays, metadata } = await readSafetensors(join(cwd, 'v.safetensors'))
  assert.deepEqual(arrays.vectors.shape, [3, 8])
  for (let i = 0; i < 3; i++) {
    const row = (arrays.vectors.data as Float32Array).subarray(8 * i, 8 * i + 8)
    assert.ok(Math.abs(length([...row]) - 1) < 1e-5)
  }
  assert.deepEqual(JSON.parse(metadata.entries), [
    { name: 'pictures/red.webp', kind: 'image' },
    { name: 'pictures/clip.webp', kind: 'image' },
    { name: 'cat', kind: 'text' },
  ])
  assert.match(metadata.model_hash, /^[0-9a-f]{16}$/)
})

test('a picture is the same in each format, and a strip is the clip whose frames it holds', async () => {
  const files = ['pictures/red.webp', 'red.svg', 'pictures/clip.webp', 'strip.png', 'pictures/inner/blue.png']
  const { vectors, width } = await json('embed', ...files)
  const [red, svg, clip, strip, blue] = vectors.map(({ vector }: { vector: number[] }) => vector) as number[][]
  assert.equal(width, 8)
  const close = (a: number[], b: number[]) => a.every((x, i) => Math.abs(x - b[i]) < 1e-5)
  assert.ok(close(red, svg))
  assert.ok(close(clip, strip))
  const sum = red.map((x, i) => x + blue[i])
  assert.ok(
    close(
      clip,
      sum.map((x) => x / length(sum)),
    ),
    'the mean over frames, at length 1',
  )
  assert.ok(!(await readdir(cwd)).includes('vectors.safetensors'), 'with --json nothing is written')
})

test('search ranks the pictures of a folder and of the folders in it by a picture or by words', async () => {
  const { results, by, count } = await json('search', 'red.svg', '--in', 'pictures')
  assert.deepEqual([by, count, results[0].file], ['image', 3, 'pictures/red.webp'])
  assert.ok(Math.abs(results[0].score - 1) < 1e-5 && results[0].score > results[1].score)
  const words = await json('search', '红心', '--in', 'pictures', '--top', '2')
  assert.deepEqual([words.by, words.results.length], ['text', 2])
  assert.match((await run('search', 'cat', '--in', 'one')).out, /^cosine +file\n *-?\d\.\d{3} +one\/red\.webp\n$/)
})

test('an index is kept where it is asked for, and only what has changed is computed again', async () => {
  const build = (...more: string[]) => json('search', '--in', 'pictures', '--build-index', ...more)
  const [first, second] = [await build(), await build()]
  assert.deepEqual([first.index, first.computed, second.computed], ['pictures/tubelet-index.safetensors', 3, 0])
  await utimes(join(cwd, 'pictures/red.webp'), 1, 1)
  assert.equal((await build()).computed, 1)
  await put('pictures/more.png', await encodeStrip(plain([0, 255, 0])))
  const unkept = await run('search', 'cat', '--in', 'pictures')
  assert.match(unkept.err, /1 picture was looked at; --build-index/)
  await rm(join(cwd, 'pictures/more.png'))
  assert.deepEqual(await build().then(({ computed, count }) => [computed, count]), [0, 3])
  await put('pictures/tubelet-index.safetensors', 'damaged')
  assert.equal((await build()).computed, 3)
  const { results } = await json('search', 'red.svg', '--in', 'pictures/tubelet-index.safetensors', '--top', '1')
  assert.equal(results[0].file, 'pictures/red.webp')
  await build('-o', 'apart.safetensors')
  await rm(join(cwd, 'pictures/tubelet-index.safetensors'))
  const apart = await json('search', 'red.svg', '--in', 'apart.safetensors', '--top', '1')
  assert.equal(apart.results[0].file, 'pictures/red.webp')
})

test('classify gives each picture scores whose sum is 1, best first, of labels from a list or a file', async () => {
  const { results, labelCount } = await json('classify', 'red.svg', 'strip.png', '--labels', 'cat, 红心，red car、cat')
  assert.equal(labelCount, 3)
  for (const { labels } of results) {
    const scores = labels.map(({ score }: { score: number }) => score)
    assert.ok(Math.abs(scores.reduce((a: number, b: number) => a + b) - 1) < 1e-6)
    assert.deepEqual(
      scores,
      scores.toSorted((a: number, b: number) => b - a),
    )
  }
  const { out } = await run('classify', 'red.svg', '--labels-file', 'labels.txt', '--top', '1')
  assert.match(out, /^file +label +score\nred\.svg +(cat|red heart) +0\.\d{3}\n$/)
  assert.match((await run('classify', 'red.svg', '--labels', 'cat,zebra')).err, /'zebra' holds words .*: zebra/)
})

test('a damaged picture is left out of a folder, and told', async () => {
  await put('one/cut.png', (await readFile(join(cwd, 'strip.png'))).subarray(0, 50))
  const { code, out, err } = await run('search', 'cat', '--in', 'one')
  assert.equal(code, 0)
  assert.match(out, /red\.webp/)
  assert.match(err, /left out: .*cut\.png: damaged/)
})

test('each mistake is one sentence with its exit code, in both languages', async () => {
  const cases: [string[], number, RegExp, RegExp][] = [
    [['embed'], 2, /which pictures or texts\?/, /哪些图片或文字/],
    [['embed', '--text', ' '], 2, /a text is empty/, /是空的/],
    [['embed', 'red.svg', '-o', 'v.npy'], 2, /must end in \.safetensors/, /必须以 \.safetensors 结尾/],
    [['embed', 'absent.png'], 3, /cannot read .*absent\.png: no such file/, /无法读取/],
    [['embed', 'pictures'], 3, /it is a folder, not a file/, /这是文件夹/],
    [['embed', 'damaged/cut.png'], 3, /cut\.png: damaged, or not a picture/, /已损坏，或不是能读取的图片/],
    [['embed', 'labels.txt'], 3, /labels\.txt: damaged, or not a picture/, /已损坏/],
    [['search', '--in', 'pictures'], 2, /what to look for\?/, /找什么/],
    [['search', '', '--in', 'pictures'], 2, /what to look for\?/, /找什么/],
    [['search', 'cat'], 2, /'--in <place>' is required/, /--in/],
    [['search', 'absent.png', '--in', 'pictures'], 3, /absent\.png: no such file/, /没有这个文件/],
    [['search', 'cat', '--in', 'empty'], 3, /empty: no picture is in this folder/, /里没有图片/],
    [['search', 'cat', '--in', 'damaged'], 3, /none of its pictures can be read/, /没有一张图片能读取/],
    [['search', 'cat', '--in', 'red.svg'], 3, /neither a folder nor/, /既不是文件夹/],
    [['search', 'cat', '--in', 'absent'], 3, /cannot read .*absent: no such file/, /无法读取/],
    [
      ['search', 'cat', '--in', 'models/tiny/vae/diffusion_pytorch_model.safetensors'],
      3,
      /no vectors that/,
      /不是 tubelet 写的向量/,
    ],
    [['search', 'cat', '--in', 'v.safetensors', '--build-index'], 2, /built of a folder/, /由文件夹建立/],
    [['classify', 'red.svg', '--labels', ' ,,'], 2, /0 labels leave nothing/, /无从选择/],
    [['classify', 'red.svg', '--labels', 'cat'], 2, /1 label leaves nothing/, /无从选择/],
    [['classify', 'red.svg', '--labels-file', 'none.txt'], 2, /0 labels leave nothing/, /无从选择/],
    [['classify', 'red.svg', '--labels-file', 'absent.txt'], 3, /absent\.txt: no such file/, /没有这个文件/],
    [['classify', 'red.svg', '--labels-file', 'wide.txt'], 3, /wide\.txt: not text in UTF-8/, /不是 UTF-8/],
    [['classify'], 2, /'files' is missing/, /files/],
  ]
  for (const [args, want, english, chinese] of cases) {
    const { code, out, err } = await run(...args)
    assert.match(err, english)
    assert.deepEqual([code, out], [want, ''], args.join(' '))
    assert.match((await run(...args, '--lang', 'zh')).err, chinese)
  }
})

test('vectors of another model are refused', async () => {
  await writeTinyModel(join(cwd, 'models', 'other'), {
    'text_encoder/config.json': undefined,
  })
  await writeFile(
    join(cwd, 'models/other/text_encoder/config.json'),
    `${await readFile(join(cwd, 'models/tiny/text_encoder/config.json'), 'utf8')}\n`,
  )
  const { code, err } = await runCli(['search', 'cat', '--in', 'v.safetensors', '-m', 'other'], { cwd })
  assert.equal(code, 3)
  assert.match(err, /its vectors are of another model/)
})
