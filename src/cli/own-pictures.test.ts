import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import sharp from 'sharp'
import { runCli, scratchFolder } from '../../test/cli.ts'
import { movingDisc } from '../../test/emoji-packages.ts'
import { onlyRun, testRecipe } from '../../test/runs.ts'
import { writeTinyModel } from '../../test/tiny-model.ts'
import { readDataset } from '../data/dataset.ts'
import { writeSafetensors } from '../files/checkpoint.ts'
import { encodeGif, encodeWebp } from '../files/webp.ts'

const cwd = await scratchFolder()
process.env.TUBELET_CACHE = join(cwd, 'cache')
const tubelet = (...argv: string[]) => runCli(argv, { cwd })

async function write(files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(cwd, name)), { recursive: true })
    await writeFile(join(cwd, name), content)
  }
}

const plain = (r: number) => sharp({ create: { width: 20, height: 20, channels: 3, background: { r, g: 90, b: 200 } } })
const disc = movingDisc(4, 24, [220, 30, 40])

/** Six files that can be learnt from, and some of everything that is told. */
await write({
  'mine/red heart.png': await plain(250).png().toBuffer(),
  'mine/sky.jpg': await plain(10).jpeg().toBuffer(),
  'mine/sky.txt': 'the sky over my house\n我家上面的天空\n',
  'mine/toys/ball.webp': await encodeWebp(disc),
  'mine/toys/ball.txt': 'a ball that goes down and up',
  'mine/toys/ball2.gif': await encodeGif(disc),
  'mine/toys/ball2.txt': '',
  'mine/star.svg': '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 4"><rect width="2" height="4"/></svg>',
  'mine/star.txt': '半个方块',
  'mine/night.webp': await plain(0).webp().toBuffer(),
  'mine/night.txt': 'night',
})
const flawed = {
  'broken.png': 'no picture',
  'double.jpg': await plain(10).jpeg().toBuffer(),
  'left.txt': 'no picture of this name',
  'photo.heic': 'x',
}

test('data build folder tells what it found, one sentence each, and writes a data set that data inspect reads', async () => {
  await write(Object.fromEntries(Object.entries(flawed).map(([name, content]) => [`mine/${name}`, content])))
  const { code, out, err } = await tubelet('data', 'build', 'folder', 'mine', '--size', '32', '--frames', '5')
  assert.deepEqual([code, out], [0, 'data/mine\n'], err)
  for (const line of [
    `${join(cwd, 'mine')}: 6 pictures and clips`,
    'left out: broken.png: damaged, or not a picture that can be read (Input file contains unsupported image format)',
    'note: 1 file is the same as another and is left out: double.jpg (sky.jpg)',
    'note: 1 picture has no .txt beside it, so its file name is its caption: red heart.png',
    'note: 1 caption is empty, so the file name is the caption: toys/ball2.gif',
    'note: 1 caption has no picture of its name beside it: left.txt',
    'note: 1 file is no picture that can be read, and is passed over: photo.heic',
    'note: 6 pictures are few, and a model will learn them by heart; 20 or more are better',
    '6 samples in 2 shards, 0 of them built before',
  ])
    assert.ok(err.includes(`${line}\n`), `${line}\n---\n${err}`)
  assert.match(err, /^6 samples \(2 clips, 4 stills; 0 held out\) in 2 shards, [\d.]+ k?B$/m)
  const inspected = JSON.parse((await tubelet('data', 'inspect', 'data/mine', '--json')).out)
  assert.deepEqual([inspected.kinds, inspected.damage], [{ clip: 2, still: 4 }, []])
})

test('in Chinese every sentence is Chinese', async () => {
  const { code, err } = await tubelet('data', 'build', 'folder', 'mine', '-o', 'zh', '--size', '16', '--lang', 'zh')
  assert.equal(code, 0, err)
  const lines = err.split('\n').filter((line) => line !== '' && !/^(文件|样本)/.test(line))
  assert.equal(lines.length, 10, err)
  for (const line of lines) assert.match(line, /\p{Script=Han}/u)
  assert.match(err, /^未收入：broken\.png：已损坏，或不是能读取的图片（.+）$/m)
  assert.match(err, /^提示：只有 6 张图片，模型会把它们背下来；最好有 20 张以上$/m)
})

test('each mistake is one sentence with its exit code, in both languages', async () => {
  await write({
    'words/a.txt': 'x',
    'damaged/a.png': 'x',
    'alone/deep/deeper/one.png': await plain(1).png().toBuffer(),
  })
  const cases: [argv: string[], code: number, english: RegExp, chinese: RegExp][] = [
    [['nowhere'], 3, /cannot read .*nowhere: no such file or folder/, /无法读取 .*nowhere：没有这个文件或文件夹/],
    [['words'], 3, /words: no picture is in this folder or below it \(\.png, /, /words：.*没有图片/],
    [
      ['damaged'],
      3,
      /damaged: none of its pictures can be read; the first: a\.png: damaged/,
      /没有一张图片能读取.*已损坏/,
    ],
    [['mine', '-o', 'mine/data'], 2, /mine\/data: lies in the folder of the pictures/, /在图片文件夹里面/],
    [['alone', '-o', 'zh'], 2, /zh holds a data set built with other options or of other pictures/, /里已有一个数据集/],
    [['mine', '--styles', 'fluent'], 2, /unknown option '--styles'/, /--styles/],
    [[], 2, /the argument 'folder' is missing/, /缺少参数/],
  ]
  for (const [argv, expected, english, chinese] of cases) {
    const { code, out, err } = await tubelet('data', 'build', 'folder', ...argv)
    assert.deepEqual([code, out], [expected, ''], err)
    assert.match(err, new RegExp(`^error: .*${english.source}`, 'm'))
    assert.match(
      (await tubelet('data', 'build', 'folder', ...argv, '--lang', 'zh')).err,
      new RegExp(`^错误：.*${chinese.source}`, 'm'),
    )
  }
  const { err } = await tubelet('data', 'build', 'folder', 'alone')
  assert.match(err, /^note: 1 picture alone can only be learnt by heart; 20 or more are better$/m)
})

test('train makes a data set of a folder once, in the form of its recipe or of the model that it begins with', async () => {
  const recipe = join(cwd, 'reads.ts')
  const text = `import { tinyRecipe } from '${testRecipe('tiny')}'
    import { readDataset } from 'tubelet/node'
    const recipe = tinyRecipe('reads', () => ({}))
    export default { ...recipe, data: { size: 32, frames: 5 }, async prepare(context) {
      const run = await recipe.prepare(context)
      for (const dir of context.data.split(',')) context.report(JSON.stringify((await readDataset(dir)).counts))
      return { ...run, settings: { data: context.data } }
    } }`
  await writeFile(recipe, text)
  const settings = async (out: string, ...flags: string[]) => {
    const { code, err } = await tubelet('train', recipe, '--steps', '1', '-o', out, ...flags)
    assert.equal(code, 0, err)
    const config = JSON.parse(await readFile(join(await onlyRun(join(cwd, out)), 'config.json'), 'utf8'))
    return { err, asked: config.data, data: config.settings.data as string }
  }
  const first = await settings('first', '--data', 'mine')
  assert.match(first.err, /^6 samples in 2 shards, 0 of them built before$/m)
  assert.match(first.err, /^\{"samples":6,"clips":2,"stills":4,"train":6,"heldOut":0,/m)
  assert.equal(first.asked, join(cwd, 'mine'))
  const { size, frames } = await readDataset(first.data)
  assert.deepEqual([size, frames], [32, 5])
  const second = await settings('second', '--data', 'mine')
  assert.match(second.err, /^6 samples in 2 shards, 2 of them built before$/m)
  assert.equal(second.data, first.data)
  const both = await settings('both', '--data', 'mine,data/mine')
  assert.equal(both.data, `${first.data},${join(cwd, 'data/mine')}`)
  await write({ 'mine/night.txt': 'a dark night' })
  const run = await onlyRun(join(cwd, 'second'))
  const resumed = await tubelet('train', '--resume', run, '--steps', '2')
  assert.match(resumed.err, /note: the settings of the recipe have changed since/)
  const begun = join(cwd, 'begun')
  const weights = { 'down.weight': { data: new Float32Array(64).fill(0), shape: [64] } }
  await write({ 'begun/model_index.json': JSON.stringify({ size: 16, frames: 3 }) })
  await writeSafetensors(join(begun, 'model.safetensors'), weights)
  const other = await readDataset((await settings('from', '--data', 'mine', '--from', 'begun')).data)
  assert.deepEqual([other.size, other.frames], [16, 3])
})

test('a path with a comma in it is refused, as commas part the folders', async () => {
  await mkdir(join(cwd, 'red, blue'))
  const args = ['train', 'emoji-video', '--data', 'mine', '-o', 'none']
  const { code, err } = await runCli(args, { cwd: join(cwd, 'red, blue') })
  assert.equal(code, 2)
  assert.match(err, /--data: .*red, blue.mine holds a comma/)
})

test('a folder without pictures leaves no run behind', async () => {
  const { code, err } = await tubelet('train', 'emoji-video', '--data', 'words', '-o', 'none')
  assert.equal(code, 3)
  assert.match(err, /words: no picture is in this folder or below it/)
  await assert.rejects(readdir(join(cwd, 'none')))
})

test('emoji-video learns from a folder of pictures, asks for them in their own words, and what it makes can be drawn with', async () => {
  for (let i = 0; i < 6; i++)
    await write({
      [`six/${i}.png`]: await plain(40 * i)
        .png()
        .toBuffer(),
      [`six/${i}.txt`]: `the wall of room ${i}\n墙`,
    })
  await writeTinyModel(join(cwd, 'models', 'tiny'))
  const { code, err } = await tubelet(
    'train',
    'emoji-video',
    '--data',
    'six',
    '-m',
    'models/tiny',
    '--steps',
    '2',
    '-o',
    'six-runs',
  )
  assert.equal(code, 0, err)
  const run = await onlyRun(join(cwd, 'six-runs'))
  const index = JSON.parse(await readFile(join(run, 'checkpoints', 'step-000002', 'model_index.json'), 'utf8'))
  assert.deepEqual([index.size, index.frames], [64, 1])
  for (const word of ['wall', 'room', '墙']) assert.ok(index.known_words.includes(word), word)
  for (const word of ['emoji', 'sticker', 'animated']) assert.ok(!index.known_words.includes(word), word)
  const drawn = await tubelet('generate', 'the wall of room 3', '-m', run, '--steps', '1', '-o', 'wall.webp')
  assert.deepEqual([drawn.code, drawn.out], [0, 'wall.webp\n'], drawn.err)
})

test('emoji-clip takes no thing twice into a batch, where there are fewer than it holds', async () => {
  for (let i = 0; i < 3; i++)
    await write({
      [`few/${i}.png`]: await plain(80 * i)
        .png()
        .toBuffer(),
      [`few/${i}.txt`]: `wall ${i}`,
    })
  const { code, err } = await tubelet('train', 'emoji-clip', '--data', 'few', '--steps', '1', '-o', 'few-runs')
  assert.equal(code, 0, err)
  const config = JSON.parse(await readFile(join(await onlyRun(join(cwd, 'few-runs')), 'config.json'), 'utf8'))
  assert.equal(config.settings.batch, 3)
})

test('a run that begins with the weights of another knows the words of both', async () => {
  await write({ 'heart/1.png': await plain(9).png().toBuffer(), 'heart/1.txt': 'a heart' })
  await writeTinyModel(join(cwd, 'models', 'tiny'))
  const train = (data: string, ...args: string[]) =>
    tubelet('train', 'emoji-video', '--data', data, '-m', 'models/tiny', '--steps', '1', '-o', `${data}-runs`, ...args)
  await write({ 'rose/1.png': await plain(80).png().toBuffer(), 'rose/1.txt': 'one rose' })
  assert.equal((await train('rose')).code, 0)
  const { code, err } = await train('heart', '--from', await onlyRun(join(cwd, 'rose-runs')))
  assert.equal(code, 0, err)
  const index = join(await onlyRun(join(cwd, 'heart-runs')), 'checkpoints', 'step-000001', 'model_index.json')
  const { known_words: words } = JSON.parse(await readFile(index, 'utf8'))
  for (const word of ['heart', 'one', 'rose']) assert.ok(words.includes(word), word)
})
