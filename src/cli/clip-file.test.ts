import assert from 'node:assert/strict'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import sharp from 'sharp'
import { scratchFolder } from '../../test/cli.ts'
import { movingDisc } from '../../test/emoji-packages.ts'
import { decodeClip } from '../files/webp.ts'
import { checkClipName, checkClipPlaces, writeClip } from './clip-file.ts'
import { readRecipe, recipeComment } from './clip-recipe.ts'

const folder = await scratchFolder()
const clip = movingDisc(6, 16, [200, 30, 90])
const recipe = {
  prompt: 'a "red" <heart> & 红心 😀\n\\',
  negativePrompt: '&#34;',
  seed: 2 ** 52,
  steps: 25,
  guidance: 3.5,
}
const env = { PATH: process.env.PATH }
const written = async (name: string) => {
  const path = join(folder, name)
  await writeClip(path, clip, { recipe, env })
  return path
}

test('each format keeps the recipe word for word', async () => {
  for (const name of ['a.webp', 'b.GIF', 'c.png']) assert.deepEqual(await readRecipe(await written(name)), recipe, name)
})

test('each format keeps frames, speed and transparency as it can', async () => {
  const webp = await decodeClip(await readFile(await written('frames.webp')))
  assert.deepEqual([webp.count, webp.width, webp.height], [6, 16, 16])
  const gif = await decodeClip(await readFile(await written('frames.gif')))
  assert.equal(gif.count, 6)
  assert.deepEqual(gif.delays, [40, 40, 50, 40, 40, 40]) // a quarter of a second, in hundredths
  const png = await sharp(await written('frames.png')).metadata()
  assert.deepEqual([png.width, png.height, png.hasAlpha], [6 * 16, 16, true])
  for (const { frames } of [webp, gif]) {
    const alpha = (from: Uint8Array) => [...from].filter((_, i) => i % 4 === 3).map((a) => a > 127)
    assert.deepEqual(alpha(frames), alpha(clip.frames))
  }
})

test('a picture without a recipe has none, and what is no picture is an error', async () => {
  const path = join(folder, 'plain.png')
  await sharp({ create: { width: 2, height: 2, channels: 4, background: 'red' } })
    .png()
    .toFile(path)
  assert.equal(await readRecipe(path), undefined)
  await writeFile(join(folder, 'text.png'), 'no picture')
  await assert.rejects(readRecipe(join(folder, 'text.png')), { code: 'input', message: /text\.png: not a picture/ })
  await assert.rejects(readRecipe(join(folder, 'absent.webp')), { code: 'input', message: /no such file/ })
})

test('an ending that cannot be written is a usage error that lists the ones that can', () => {
  for (const path of ['heart', 'heart.jpg', '.webp', 'webp'])
    assert.throws(() => checkClipName(path), { code: 'usage', message: /must end in \.webp, \.gif, \.png, \.mp4$/ })
  for (const path of ['a.webp', 'b.GIF', 'c.d/e.Png', 'f.mp4']) checkClipName(path)
})

test('places that cannot be written are known before anything is drawn', async () => {
  await writeFile(join(folder, 'file'), '')
  await mkdir(join(folder, 'folder.webp'))
  const refused = (name: string, reason: RegExp) =>
    assert.rejects(checkClipPlaces([join(folder, name)], env), { code: 'input', message: reason })
  await refused('file/heart.webp', /cannot write .*heart\.webp: a part of the path is a file, not a folder/)
  await refused('file/deep/er/heart.webp', /a part of the path is a file/)
  await refused('folder.webp', /it is a folder, not a file/)
  await refused(`${'x'.repeat(250)}.webp`, /the name is too long/)
  await checkClipPlaces([join(folder, 'new/folders/heart.webp'), join(folder, 'file')], env)
})

test('.mp4 without ffmpeg is refused with the line that installs it, before and while it is written', async () => {
  const empty = { PATH: join(folder, 'nothing here') }
  const missing = { code: 'input', message: /^writing \.mp4 needs ffmpeg: (sudo apt-get|brew|winget) install ffmpeg; / }
  await assert.rejects(checkClipPlaces([join(folder, 'a.mp4')], empty), missing)
  await assert.rejects(writeClip(join(folder, 'a.mp4'), clip, { recipe, env: empty }), missing)
  await checkClipPlaces([join(folder, 'a.webp')], empty)
})

test('the recipe of an .mp4 is the comment that ffmpeg tells', async () => {
  const bin = join(folder, 'telling')
  await mkdir(bin)
  const told = { prompt: 'a; b = c # "d" \\ é', seed: 3 }
  const comment = recipeComment(told).replace(/[=;#\\]/g, '\\$&') // as ffmpeg's format of metadata has it
  await writeFile(join(bin, 'told'), `;FFMETADATA1\nmajor_brand=isom\ncomment=${comment}\nencoder=x\n`)
  await writeFile(join(bin, 'ffmpeg'), `#!/bin/sh\ncat '${join(bin, 'told')}'\n`)
  await chmod(join(bin, 'ffmpeg'), 0o755)
  await writeFile(join(folder, 'told.mp4'), '')
  const env = { PATH: `${bin}:${process.env.PATH}` }
  assert.deepEqual(await readRecipe(join(folder, 'told.mp4'), env), told)
  const none = { code: 'input', message: /told\.mp4: reading video needs ffmpeg: / }
  await assert.rejects(readRecipe(join(folder, 'told.mp4'), { PATH: '' }), none)
})

test('.mp4 goes through ffmpeg: frames on white, three seconds at least, the recipe as a comment', async () => {
  const bin = join(folder, 'bin')
  await mkdir(bin)
  // Stands for ffmpeg: writes its arguments, and keeps the frames that it is given.
  const script = `#!/bin/sh\nif [ "$1" = -version ]; then echo ffmpeg version 7.0; exit; fi\nfor last; do true; done\nwhile [ "$1" != -i ]; do printf '%s ' "$1"; shift; done > "$last"\ncp "$2" '${folder}/frames.rgb'\nprintf '%s' "$*" >> "$last"\n`
  await writeFile(join(bin, 'ffmpeg'), script)
  await chmod(join(bin, 'ffmpeg'), 0o755)
  const fake = { PATH: `${bin}:${process.env.PATH}` }
  await checkClipPlaces([join(folder, 'b.mp4')], fake)
  await writeClip(join(folder, 'b.mp4'), clip, { recipe, env: fake })
  const args = await readFile(join(folder, 'b.mp4'), 'utf8')
  const [, loops] = /-stream_loop (\d+)/.exec(args) ?? []
  assert.ok(((Number(loops) + 1) * clip.count) / clip.fps >= 3)
  assert.match(args, new RegExp(`-s 16x16 -r ${clip.fps} `))
  assert.match(args, /-vf pad=ceil\(iw\/2\)\*2:ceil\(ih\/2\)\*2:color=white /) // H.264 takes no odd side
  assert.deepEqual(JSON.parse(/comment=(\{.*\}) /.exec(args)?.[1] ?? ''), recipe)
  const rgb = await readFile(join(folder, 'frames.rgb'))
  assert.equal(rgb.length, 6 * 16 * 16 * 3)
  assert.deepEqual([...rgb.subarray(0, 3)], [255, 255, 255]) // a transparent corner
})

test('an ffmpeg that fails is one sentence with its last line, and no file is left', async () => {
  const bin = join(folder, 'failing')
  await mkdir(bin)
  await writeFile(join(bin, 'ffmpeg'), '#!/bin/sh\necho "some" >&2\necho "Unknown encoder libx264" >&2\nexit 1\n')
  await chmod(join(bin, 'ffmpeg'), 0o755)
  const write = writeClip(join(folder, 'c.mp4'), clip, { recipe, env: { PATH: `${bin}:${process.env.PATH}` } })
  await assert.rejects(write, {
    code: 'input',
    message: /^ffmpeg could not make the \.mp4 \(Unknown encoder libx264\)$/,
  })
  await assert.rejects(readFile(join(folder, 'c.mp4')))
})
