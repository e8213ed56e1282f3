import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import sharp from 'sharp'
import { recordingIo, runCli, scratchFolder } from '../../test/cli.ts'
import { startCli } from '../../test/cli-process.ts'
import { tinyModelFiles, writeTinyModel } from '../../test/tiny-model.ts'
import { decodeClip } from '../files/webp.ts'
import { readRecipe } from './clip-recipe.ts'
import { main } from './main.ts'

const cwd = await scratchFolder()
before(() => writeTinyModel(join(cwd, 'models', 'tiny')))

/** `generate` with the tiny model in two steps, in the scratch folder. */
const generate = (args: readonly string[], io: Parameters<typeof runCli>[1] = {}) =>
  runCli(['generate', '-m', 'tiny', '--steps', '2', ...args], { cwd, ...io })

const at = (name: string) => join(cwd, name)

test('a prompt becomes a file, and its path is all that is printed', async () => {
  const { code, out, err } = await generate(['a red heart', '-o', 'heart.webp', '-s', '3'])
  assert.deepEqual([code, out], [0, 'heart.webp\n'], err)
  const clip = await decodeClip(await readFile(at('heart.webp')))
  assert.deepEqual([clip.count, clip.width, clip.height], [5, 32, 32])
  assert.match(err, /step 2\/2/)
})

test('the same command writes the same bytes twice, and another seed others', async () => {
  await generate(['跳动的红心', '-o', 'one.webp', '-s', '3'])
  await generate(['跳动的红心', '-o', 'two.webp', '-s', '3'])
  await generate(['跳动的红心', '-o', 'three.webp', '-s', '4'])
  const [one, two, three] = await Promise.all(['one', 'two', 'three'].map((name) => readFile(at(`${name}.webp`))))
  assert.deepEqual(two, one)
  assert.notDeepEqual(three, one)
})

test('-n draws with seeds that count up, each equal to the clip of that seed alone', async () => {
  const { out } = await generate(['a red heart', '-n', '3', '-s', '5', '-o', 'n-{seed}.png', '--json'])
  const { clips } = JSON.parse(out)
  assert.deepEqual(
    clips.map(({ path, seed }: { path: string; seed: number }) => [path, seed]),
    [5, 6, 7].map((seed) => [`n-${seed}.png`, seed]),
  )
  await generate(['a red heart', '-s', '6', '-o', 'alone.png'])
  assert.deepEqual(await readFile(at('n-6.png')), await readFile(at('alone.png')))
})

test('the file holds the whole recipe, and a clip drawn from it again is the same', async () => {
  const asked = ['a "red" heart & <bird>, 蓝色的鸟', '--negative', 'cat', '--cfg', '2.5', '-s', '11', '--steps', '3']
  for (const ending of ['webp', 'gif', 'png']) {
    const { code } = await runCli(['generate', '-m', 'tiny', ...asked, '-o', `recipe.${ending}`], { cwd })
    assert.equal(code, 0)
    const { modelHash, tubelet, node, ...recipe } = (await readRecipe(at(`recipe.${ending}`))) as Record<
      string,
      unknown
    >
    assert.deepEqual(recipe, {
      ...{ prompt: asked[0], negativePrompt: 'cat', seed: 11, steps: 3, guidance: 2.5, dtype: 'fp32', model: 'tiny' },
    })
    assert.match(String(modelHash), /^[0-9a-f]{16}$/)
    assert.deepEqual([tubelet, node], ['0.1.0', process.version])
  }
})

test('show prints the recipe that a clip was drawn from', async () => {
  await generate(['a red heart', '-o', 'shown.webp', '-s', '3'])
  const { code, out } = await runCli(['show', 'shown.webp'], { cwd })
  assert.equal(code, 0)
  assert.match(
    out,
    /^prompt: a red heart\nnegativePrompt: \nseed: 3\nsteps: 2\nguidance: 2\ndtype: fp32\nmodel: tiny\nmodelHash: /,
  )
  assert.equal(JSON.parse((await runCli(['show', 'shown.webp', '--json'], { cwd })).out).recipe.seed, 3)
  await sharp({ create: { width: 2, height: 2, channels: 4, background: 'red' } }).toFile(at('bare.png'))
  const bare = await runCli(['show', 'bare.png'], { cwd })
  assert.equal(bare.code, 3)
  assert.match(bare.err, /bare\.png: no recipe of tubelet is stored in it/)
})

test('--dtype int8 draws nearly the same clip, and the file says so', async () => {
  for (const dtype of ['fp32', 'int8'])
    await generate(['a red heart', '-o', `${dtype}.webp`, '-s', '3', '--dtype', dtype])
  const [full, rounded] = await Promise.all(
    ['fp32', 'int8'].map(async (dtype) => decodeClip(await readFile(at(`${dtype}.webp`)), { name: dtype })),
  )
  assert.notDeepEqual(rounded.frames, full.frames)
  const off = full.frames.reduce((sum, value, i) => sum + Math.abs(value - rounded.frames[i]), 0) / full.frames.length
  assert.ok(off < 12, `${off}`)
  assert.match((await runCli(['show', 'int8.webp'], { cwd })).out, /^dtype: int8$/m)
  assert.equal((await generate(['a red heart', '-o', 'x.webp', '--dtype', 'fp64'])).code, 2)
})

test('prompts come from arguments, from a file and from standard input, in this order', async () => {
  await writeFile(at('prompts.txt'), '\ufeffa blue bird\r\n\r\n  汽车，红色  \n')
  const bytes = new TextEncoder().encode('猫的笑脸\nclock face\n')
  async function* stdin() {
    for (const byte of bytes) yield Uint8Array.of(byte) // letters arrive in pieces
  }
  const args = [
    'a red car',
    '-',
    '--prompts',
    'prompts.txt',
    '-o',
    'p-{index}-{prompt}.webp',
    '-s',
    '1',
    '--steps',
    '1',
  ]
  const { code, out, err } = await generate(args, { stdin: stdin() })
  assert.equal(code, 0, err)
  assert.deepEqual(out.trimEnd().split('\n'), [
    ...['p-0-a-red-car.webp', 'p-1-猫的笑脸.webp', 'p-2-clock-face.webp'],
    ...['p-3-a-blue-bird.webp', 'p-4-汽车-红色.webp'],
  ])
})

test('a file of prompts in another encoding than UTF-8 is refused', async () => {
  await writeFile(at('wide.txt'), '\ufeffa heart\r\n', 'utf16le')
  const { code, err } = await generate(['--prompts', 'wide.txt'])
  assert.equal(code, 3)
  assert.match(err, /wide\.txt: not text in UTF-8; save it in that encoding/)
})

test('a signal ends the wait for prompts from standard input', async () => {
  const stop = new AbortController()
  async function* stdin() {
    yield 'a heart\n'
    stop.abort('SIGINT')
    await new Promise(() => {})
  }
  const { code, err } = await generate(['-'], { stdin: stdin(), signal: stop.signal })
  assert.equal(code, 130, err)
})

test('standard input that cannot be read is one sentence', async () => {
  // biome-ignore lint/correctness/useYield: fails before it gives anything
  async function* stdin() {
    throw Object.assign(new Error('EISDIR: illegal operation on a directory, read'), { code: 'EISDIR' })
  }
  const { code, err } = await generate(['-'], { stdin: stdin() })
  assert.equal(code, 3)
  assert.match(err, /cannot read standard input: it is a folder, not a file/)
})

test('Ctrl-C ends the process that waits for prompts, though nobody ends its input', async () => {
  const child = startCli(['generate', '-', '-m', 'tiny'], { cwd })
  await child.write('\n'.repeat(2 ** 20)) // more than a pipe holds, so it has begun to read
  child.kill('SIGINT')
  assert.equal(await Promise.race([child.ended, setTimeout(20_000, 'waits', { ref: false })]), 130, child.err())
})

test('a negative prompt without guidance is told to change nothing', async () => {
  const args = ['a heart', '--steps', '1', '-s', '1', '-o', 'unguided.webp', '--negative', 'red', '--cfg']
  assert.match((await generate([...args, '1'])).err, /with --cfg 1 there is no guidance, so --negative changes nothing/)
  assert.doesNotMatch((await generate([...args, '2'])).err, /guidance/)
})

test('without -o the file is named for prompt and seed; several that would be alike get an index', async () => {
  assert.equal((await generate(['Red heart!', '-s', '9'])).out, 'Red-heart-9.webp\n')
  assert.equal((await generate(['cat', 'cat', '-s', '9', '-o', 'c.webp'])).out, 'c-0.webp\nc-1.webp\n')
})

test('words that the model has not learned are told once a prompt, in the language of the user', async () => {
  const { err } = await generate(['a shiny helicopter heart', '-n', '2', '-s', '1', '-o', 'w-{seed}.webp'])
  const note = "note: 'a shiny helicopter heart' holds words that the model has not learned: shiny, helicopter\n"
  assert.equal(err.split(note).length, 2, err)
  const none = await generate(['zzz', '-o', 'z.webp', '--lang', 'zh'])
  assert.equal(none.code, 0)
  assert.match(none.err, /提示：“zzz”里没有模型学过的词，它会随意画/)
  assert.match((await generate(['❤️', '-o', 'z.webp'])).err, /has learned no word of '❤️'/)
  assert.doesNotMatch((await generate(['a red heart', '-o', 'z.webp'])).err, /note/)
  assert.equal((await generate(['zzz', '-q', '-o', 'z.webp'])).err, '')
  assert.match((await generate(['a red heartt', '-o', 'z.webp'])).err, /not learned: heartt; did you mean heart\?\n/)
  assert.match((await generate(['birdd', '-o', 'z.webp', '--lang', 'zh'])).err, /会随意画.*bird/)
})

test('--size and --frames draw clips of another size, which the file and a note tell', async () => {
  const { code, err } = await generate([
    'a red heart',
    '--size',
    '64x32',
    '--frames',
    '3',
    '-s',
    '3',
    '-o',
    'wide.webp',
  ])
  assert.equal(code, 0, err)
  const note = /note: the model has seen 32 × 32 with 5 frames alone; what it draws at 64 × 32 with 3 frames is a guess/
  assert.equal(err.split(note).length, 2, err)
  const clip = await decodeClip(await readFile(at('wide.webp')))
  assert.deepEqual([clip.width, clip.height, clip.count], [64, 32, 3])
  assert.ok(Math.abs(clip.delays.reduce((a, b) => a + b) - 500) < 5, 'a loop lasts as long as one of 5 frames')
  const { width, height, frames } = (await readRecipe(at('wide.webp'))) as Record<string, number>
  assert.deepEqual([width, height, frames], [64, 32, 3])
  const own = await generate([
    'a red heart',
    '--size',
    '32×32',
    '--frames',
    '5',
    '-s',
    '3',
    '-o',
    'own.webp',
    '--lang',
    'zh',
  ])
  assert.doesNotMatch(own.err, /没有把握/)
  await generate(['a red heart', '-s', '3', '-o', 'plain.webp'])
  assert.deepEqual(
    (await decodeClip(await readFile(at('own.webp')))).frames,
    (await decodeClip(await readFile(at('plain.webp')))).frames,
  )
})

test('a size that cannot be drawn has exit code 2 and the next one that can, in both languages', async () => {
  const cases: [string[], RegExp, RegExp][] = [
    [['--size', '33x32'], /next size is 64 × 32/, /下一个可用的大小是 64 × 32/],
    [['--frames', '4'], /there must be 1, 3, 5 and so on, up to 31; the next is 5/, /下一个可用的帧数是 5/],
    [['--size', '512x512', '--frames', '99'], /next is 31/, /下一个可用的帧数是 31/],
    [['--size', '32'], /'--size' cannot be '32': it is a width and a height/, /应为宽和高/],
    [['--size', '0x32'], /such as 128x192/, /例如 128x192/],
    [['--size', '99999999999x9'], /such as 128x192/, /例如 128x192/],
    [['--frames', '1e9'], /'--frames' cannot be '1e9'/, /1 .*100000/],
  ]
  for (const [args, english, chinese] of cases)
    for (const [lang, message] of [
      ['en', english],
      ['zh', chinese],
    ] as const) {
      const { code, err } = await generate(['cat', '-o', 'never.webp', '--lang', lang, ...args])
      assert.match(err, message)
      assert.equal(code, 2)
    }
})

test('an empty prompt and one of 5,000 characters give pictures', async () => {
  assert.equal((await generate(['', '-o', 'empty.webp'])).code, 0)
  const { code, out, err } = await generate(['跳动的红心'.repeat(1000), '-s', '1', '--lang', 'zh'])
  assert.equal(code, 0)
  assert.match(err, /太长，模型读不到末尾：.*红心/)
  const recipe = (await readRecipe(at(out.trimEnd()))) as { prompt: string }
  assert.equal(recipe.prompt.length, 5000)
})

test('mistakes in the command line have exit code 2 and draw nothing', async () => {
  const before = await readdir(cwd)
  const cases: [string[], RegExp][] = [
    [[], /generate: what shall be drawn\?/],
    [['-'], /what shall be drawn\?/],
    [['cat', '-o', 'cat.jpg'], /cat\.jpg: the file must end in \.webp, \.gif, \.png, \.mp4/],
    [['cat', '--steps', '0'], /'--steps' cannot be '0'/],
    [['cat', '-n', '1.5'], /'-n, --count' cannot be '1\.5'/],
    [['cat', '-s', '-1'], /'-s, --seed' cannot be '-1'/],
    [['cat', '-s', '9007199254740991'], /'-s, --seed' cannot be/],
    [['cat', '--cfg', 'NaN'], /'--cfg' cannot be 'NaN'/],
    [['cat', '--stepz', '3'], /unknown option '--stepz'; did you mean --steps\?/],
  ]
  for (const [args, message] of cases) {
    const { code, out, err } = await generate(args)
    assert.match(err, message)
    assert.deepEqual([code, out], [2, ''])
  }
  assert.deepEqual(await readdir(cwd), before)
})

test('a model, a file of prompts or a place that is not there has exit code 3', async () => {
  const cases: [string[], RegExp][] = [
    [['cat', '-m', 'nothing'], /no model 'nothing'.*tiny/],
    [['--prompts', 'absent.txt'], /cannot read .*absent\.txt: no such file/],
    [['--prompts', 'models'], /cannot read .*models: it is a folder/],
    [['cat', '-o', 'heart.webp/cat.webp'], /cannot write .*: a part of the path is a file/],
  ]
  for (const [args, message] of cases) {
    const { code, err } = await generate(args)
    assert.match(err, message)
    assert.equal(code, 3)
    assert.doesNotMatch(err, /step/)
  }
})

test('.mp4 without ffmpeg ends before drawing, with the line to install it', async () => {
  const { code, err } = await generate(['cat', '-o', 'cat.mp4'], { env: { PATH: at('nowhere') } })
  assert.equal(code, 3)
  assert.match(err, /writing \.mp4 needs ffmpeg: .* install ffmpeg/)
  assert.doesNotMatch(err, /step/)
})

test('a damaged model is one sentence and exit code 3', async () => {
  const files = tinyModelFiles()
  const cut = (files['vae/diffusion_pytorch_model.safetensors'] as Uint8Array).subarray(0, 5000)
  const damaged: [Record<string, string | Uint8Array | undefined>, RegExp][] = [
    [{ 'vae/diffusion_pytorch_model.safetensors': cut }, /not a usable safetensors file/],
    [{ 'transformer/config.json': undefined }, /cannot read .*transformer\/config\.json: no such file/],
    [{ 'model_index.json': '{"size": 1000000}' }, /more than 8388608 pixels/],
  ]
  for (const [i, [changed, message]] of damaged.entries()) {
    await writeTinyModel(at(`damaged-${i}`), changed)
    const { code, err } = await generate(['cat', '-m', `damaged-${i}`, '-o', 'never.webp'])
    assert.match(err, message)
    assert.equal(code, 3)
    assert.equal(err.trimEnd().split('\n').length, 1, err)
  }
})

test('Ctrl-C stops between two steps, keeps the clips that are done, and the exit code tells', async () => {
  const stop = new AbortController()
  const stderr = {
    write: (text: string | Uint8Array) => void (String(text).includes('step 3/') && stop.abort('SIGINT')),
  }
  const { io } = recordingIo({ cwd, signal: stop.signal })
  const code = await main(
    ['generate', 'cat', 'bird', '-m', 'tiny', '--steps', '2', '-s', '1', '-o', 'stop-{index}.webp'],
    { ...io, stderr },
  )
  assert.equal(code, 130)
  assert.ok((await readdir(cwd)).includes('stop-0.webp'))
  assert.ok(!(await readdir(cwd)).includes('stop-1.webp'))
})
