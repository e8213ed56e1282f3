import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, test } from 'node:test'
import sharp from 'sharp'
import { runCli, scratchFolder } from '../../test/cli.ts'
import { movingDisc } from '../../test/emoji-packages.ts'
import { writeTinyModel } from '../../test/tiny-model.ts'
import { decodeClip, encodeStrip, encodeWebp } from '../files/webp.ts'
import { recipeXmp } from './clip-recipe.ts'

const cwd = await scratchFolder()
const attention = (...argv: string[]) => runCli(['explain', 'attention', ...argv], { cwd })

before(async () => {
  await writeTinyModel(join(cwd, 'models', 'tiny'))
  const photo = sharp({ create: { width: 600, height: 300, channels: 3, background: 'teal' } })
  await writeFile(join(cwd, 'photo.jpg'), await photo.jpeg().toBuffer())
  await writeFile(join(cwd, 'ball.webp'), await encodeWebp(movingDisc(5, 24, [220, 30, 40])))
  await writeFile(
    join(cwd, 'star.svg'),
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 2"><rect width="1" height="2"/></svg>',
  )
  await writeFile(join(cwd, 'broken.png'), 'no picture')
  await mkdir(join(cwd, 'folder.png'))
})

test('a picture is written with the map over it, no larger than 512 pixels, and the numbers are told', async () => {
  const { code, out, err } = await attention('photo.jpg', '-m', 'tiny', '-o', 'seen.png')
  assert.deepEqual([code, out], [0, 'seen.png\n'], err)
  assert.match(
    err,
    /^light yellow: [\d.]+ times what the class token takes from a patch on average; dark violet: [\d.]+ times$/m,
  )
  const { width, height, count } = await decodeClip(await readFile(join(cwd, 'seen.png')))
  assert.deepEqual([width, height, count], [512, 256, 1])
  const { err: chinese } = await attention('photo.jpg', '-m', 'tiny', '-o', 'seen.png', '--lang', 'zh')
  assert.match(chinese, /^浅黄：class token 从这里取得的是各小块平均的 [\d.]+ 倍；深紫：[\d.]+ 倍$/m)
})

test('every frame of a clip has its map, and --json holds them all', async () => {
  const { path, grid, maps, attention: file } = JSON.parse((await attention('ball.webp', '-m', 'tiny', '--json')).out)
  assert.deepEqual([path, grid, file], [join(cwd, 'attention.webp'), [2, 2], 'ball.webp'])
  const { count } = await decodeClip(await readFile(path))
  assert.deepEqual([maps.length, maps[0].length], [count, 4])
  assert.ok(count > 1)
  assert.notDeepEqual(maps[0], maps[count - 1])
})

test('a strip that generate wrote is a clip of 12 frames a second, as it tells no speed', async () => {
  const disc = movingDisc(5, 24, [220, 30, 40])
  await writeFile(join(cwd, 'strip.png'), await encodeStrip(disc, { xmp: recipeXmp({ prompt: 'a disc' }, disc.count) }))
  const { code, err } = await attention('strip.png', '-m', 'tiny', '-o', 'strip.webp')
  assert.equal(code, 0, err)
  const { count, fps } = await decodeClip(await readFile(join(cwd, 'strip.webp')))
  assert.ok(Math.abs(count / fps - disc.count / 12) < 0.01, `${count} frames, ${fps} a second`)
})

test('show tells what a map was made of, whatever the file', async () => {
  for (const name of ['seen.webp', 'seen.gif', 'seen.png']) {
    assert.equal((await attention('ball.webp', '-m', 'tiny', '-o', name)).code, 0)
    const { code, out, err } = await runCli(['show', name], { cwd })
    assert.equal(code, 0, err)
    assert.match(out, /^attention: ball\.webp$/m)
  }
})

test('a signal ends the looking in good order', async () => {
  const options = { cwd, signal: AbortSignal.abort('SIGINT') }
  const { code, err } = await runCli(['explain', 'attention', 'ball.webp', '-m', 'tiny'], options)
  assert.equal(code, 130)
  assert.doesNotMatch(err, /bug/i)
})

test('a drawing is looked at too, and goes to attention.png', async () => {
  const { code, out } = await attention('star.svg', '-m', 'tiny', '-q')
  assert.deepEqual([code, out], [0, 'attention.png\n'])
})

test('each mistake is one sentence with its exit code, in both languages', async () => {
  const cases: [argv: string[], code: number, english: RegExp, chinese: RegExp][] = [
    [['nowhere.png'], 3, /cannot read .*nowhere\.png: no such file or folder/, /无法读取 .*nowhere\.png：没有这个文件/],
    [['folder.png'], 3, /cannot read .*folder\.png: it is a folder, not a file/, /这是文件夹，不是文件/],
    [
      ['broken.png'],
      3,
      /broken\.png: damaged, or not a picture that can be read/,
      /broken\.png：已损坏，或不是能读取的图片/,
    ],
    [
      ['photo.jpg', '-o', 'a.bmp'],
      2,
      /a\.bmp: the file must end in \.webp, \.gif, \.png, \.mp4/,
      /a\.bmp：文件名必须以 \.webp/,
    ],
    [['photo.jpg', '-o', 'folder.png'], 3, /cannot write .*folder\.png: it is a folder, not a file/, /无法写入/],
    [['photo.jpg', '-m', 'gone'], 3, /no model 'gone'/, /没有模型“gone”/],
    [[], 2, /the argument 'file' is missing/, /缺少参数“file”/],
  ]
  for (const [argv, expected, english, chinese] of cases) {
    const flags = argv.includes('-m') ? [] : ['-m', 'tiny']
    const { code, out, err } = await attention(...argv, ...flags)
    assert.deepEqual([code, out], [expected, ''], err)
    assert.match(err, new RegExp(`^error: .*${english.source}`))
    assert.match((await attention(...argv, ...flags, '--lang', 'zh')).err, new RegExp(`^错误：.*${chinese.source}`))
  }
})
