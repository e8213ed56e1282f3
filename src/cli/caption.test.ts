import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { runCli, scratchFolder } from '../../test/cli.ts'
import { tinyCaptionerFiles, tinyClipOf, tinyScenes } from '../../test/tiny-captioner.ts'
import { writeModel } from '../../test/tiny-model.ts'
import { captionMovingScene } from '../data/moving-shapes.ts'
import { encodeWebp } from '../files/webp.ts'
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

test('a tokenizer that is not that of the captioner is refused', async () => {
  const config = JSON.parse(files['captioner/config.json'] as string)
  config.decoder.vocab_size += 1
  await writeModel(join(cwd, 'models', 'other'), { ...files, 'captioner/config.json': JSON.stringify(config) })
  const { code, err } = await caption('left.webp', '-m', 'other')
  assert.equal(code, 3)
  assert.match(err, /captioner: the tokenizer gives \d+ ids, not \d+/)
})

test('without a captioner the command says how to train one', async () => {
  const { code, err } = await caption('left.webp')
  assert.equal(code, 2)
  assert.match(err, /no captioner comes with tubelet yet; train one with tubelet train shapes-captioner/)
})
