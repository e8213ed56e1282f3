import assert from 'node:assert/strict'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { runCli, scratchFolder } from '../../test/cli.ts'
import { pamOf } from '../../test/pam.ts'
import { tinyCaptionerFiles, tinyClipOf, tinyScenes } from '../../test/tiny-captioner.ts'
import { writeModel } from '../../test/tiny-model.ts'
import { captionMovingScene } from '../data/moving-shapes.ts'
import { encodeStrip, encodeWebp } from '../files/webp.ts'
import { nodeRuntime } from '../runtime/node.ts'

const cwd = await scratchFolder()
const names = ['right.webp', 'left.webp']
let files: Awaited<ReturnType<typeof tinyCaptionerFiles>>
const caption = (...args: string[]) => runCli(['caption', ...args], { cwd })

before(async () => {
  files = await tinyCaptionerFiles(nodeRuntime({ threads: 1 }))
  await writeModel(join(cwd, 'models', 'tiny'), files)
  for (const [i, scene] of tinyScenes.entries())
    await writeFile(join(cwd, names[i]), await encodeWebp(tinyClipOf(scene), { quality: 'lossless' }))
})

test('each clip gets the caption that it was learnt with, in the language and length asked for', async () => {
  for (const language of ['en', 'zh'] as const)
    for (const detail of ['short', 'long'] as const) {
      const flags = [...(detail === 'long' ? ['--long'] : []), '--lang', language]
      const { code, out, err } = await caption(...names, '-m', 'tiny', ...flags)
      assert.equal(code, 0, err)
      const want = tinyScenes.map((scene, i) => `${names[i]}: ${captionMovingScene(scene, language, detail)}\n`)
      assert.equal(out, want.join(''))
    }
})

test('--json tells path, caption and its probability; greedy and beam search agree on what was learnt', async () => {
  for (const beams of ['1', '3']) {
    const { captions } = JSON.parse((await caption('left.webp', '-m', 'tiny', '--beams', beams, '--json')).out)
    assert.equal(captions.length, 1)
    assert.deepEqual(
      [captions[0].path, captions[0].caption],
      ['left.webp', captionMovingScene(tinyScenes[1], 'en', 'short')],
    )
    assert.ok(captions[0].logProbability < 0 && captions[0].logProbability > -0.5)
  }
})

test('a still is captioned too, and what is no picture is told by its name', async () => {
  const [clip] = tinyScenes.map(tinyClipOf)
  const still = { ...clip, frames: clip.frames.slice(0, clip.frames.length / 2), count: 1, fps: 0 }
  await writeFile(join(cwd, 'still.webp'), await encodeWebp(still))
  assert.equal((await caption('still.webp', '-m', 'tiny')).code, 0)
  await writeFile(join(cwd, 'broken.webp'), 'no picture')
  const broken = await caption('broken.webp', '-m', 'tiny')
  assert.equal(broken.code, 3)
  assert.match(broken.err, /^error: broken\.webp: /)
  assert.match((await caption('nowhere.png', '-m', 'tiny')).err, /cannot read .*nowhere\.png: no such file/)
})

test('drawings, strips and videos are captioned as by classify; a video without ffmpeg is told', async () => {
  const [scene] = tinyScenes
  const { frames, count, width } = tinyClipOf(scene)
  const want = `${captionMovingScene(scene, 'en', 'short')}\n`
  const xmp = '<x:xmpmeta xmlns:x="adobe:ns:meta/" tubelet:frames="2"/>'
  await writeFile(join(cwd, 'strip.png'), await encodeStrip(tinyClipOf(scene), { xmp }))
  assert.deepEqual(await caption('strip.png', '-m', 'tiny'), { code: 0, out: want, err: '' })

  const svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 4"><circle cx="2" cy="2" r="1" fill="red"/></svg>'
  await writeFile(join(cwd, 'ball.svg'), svg)
  const drawn = await caption('ball.svg', '-m', 'tiny')
  assert.deepEqual([drawn.code, drawn.err], [0, ''])

  // Stands for ffmpeg: tells a length of two seconds, then writes the frames of the clip, each 256 pixels square.
  const large = await Promise.all(
    Array.from({ length: count }, (_, t) => {
      const frame = frames.subarray(t * 4 * width ** 2, (t + 1) * 4 * width ** 2)
      return sharp(frame, { raw: { width, height: width, channels: 4 } })
        .resize(256, 256, { kernel: 'nearest' })
        .raw()
        .toBuffer()
    }),
  )
  await writeFile(join(cwd, 'raw'), pamOf(Buffer.concat(large), { width: 256, height: 256 }))
  const script = `#!/bin/sh\ncase "$*" in *image2pipe*) cat '${join(cwd, 'raw')}';; *) echo '  Duration: 00:00:02.00, start' >&2; exit 1;; esac\n`
  await writeFile(join(cwd, 'ffmpeg'), script)
  await chmod(join(cwd, 'ffmpeg'), 0o755)
  await writeFile(join(cwd, 'clip.mp4'), '')
  const video = (PATH: string) => runCli(['caption', 'clip.mp4', '-m', 'tiny'], { cwd, env: { PATH } })
  assert.deepEqual(await video(`${cwd}:${process.env.PATH}`), { code: 0, out: want, err: '' })
  const missing = await video(join(cwd, 'nowhere'))
  assert.equal(missing.code, 3)
  assert.match(missing.err, /^error: clip\.mp4: reading video needs ffmpeg: /)
})

test('a tokenizer that is not that of the captioner is refused', async () => {
  const config = JSON.parse(files['captioner/config.json'] as string)
  config.decoder.vocab_size += 1
  await writeModel(join(cwd, 'models', 'other'), { ...files, 'captioner/config.json': JSON.stringify(config) })
  const { code, err } = await caption('left.webp', '-m', 'other')
  assert.equal(code, 3)
  assert.match(err, /captioner: the tokenizer gives \d+ ids, not \d+/)
})

test('without -m the shipped captioner names emoji, in both languages', async () => {
  const [santa, duck] = ['1', '4'].map((name) =>
    fileURLToPath(new URL(`../../docs/pictures/${name}.webp`, import.meta.url)),
  )
  assert.equal((await caption(santa)).out, 'santa claus\n')
  assert.match((await caption(duck, '--long', '--lang', 'zh')).out, /^鸭子/)
})
