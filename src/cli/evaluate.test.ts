import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, test } from 'node:test'
import sharp from 'sharp'
import { recordingIo, runCli, scratchFolder } from '../../test/cli.ts'
import { writeTinyData } from '../../test/tiny-data.ts'
import { writeTinyModel } from '../../test/tiny-model.ts'
import { encodeWebp } from '../files/webp.ts'
import { metricNames } from '../generate/evaluation.ts'
import { main } from './main.ts'

const cwd = await scratchFolder()
process.env.TUBELET_CACHE = join(cwd, 'cache')
before(async () => {
  await writeTinyModel(join(cwd, 'models', 'tiny'))
  await writeTinyData(join(cwd, 'data'))
})

const evaluate = (...args: string[]) => runCli(['evaluate', 'tiny', '--data', 'data', '--steps', '1', ...args], { cwd })

test('a table tells every figure of both parts, with what it means, in the language of the user', async () => {
  const { code, out, err } = await evaluate()
  assert.equal(code, 0, err)
  assert.match(out, /^Training concepts: 4 clips, 4 of them moving\nfigure +drawn +95 % interval/)
  assert.match(out, /\nHeld-out concepts: 2 clips/)
  assert.match(out, /compared at 32 × 32\.\n$/)
  for (const name of metricNames) assert.equal(out.split(`\n${name} `).length, 3, name)
  assert.match(err, /clip 6\/6/)
  assert.match(
    (await evaluate('--lang', 'zh', '--limit', '1')).out,
    /^训练过的概念：1 段[\s\S]*名称最近的动画正是它自己的/,
  )
})

test('under --json the result is one object, and the same twice', async () => {
  const [once, twice] = [await evaluate('--json', '-q'), await evaluate('--json', '-q')]
  assert.equal(once.out, twice.out)
  const { model, failed, training, heldOut, steps } = JSON.parse(once.out)
  assert.deepEqual([model, failed, steps], [join(cwd, 'models', 'tiny'), [], 1])
  assert.deepEqual(Object.keys(training.metrics).sort(), [...metricNames].sort())
  assert.equal(heldOut.clips, 2)
  assert.equal(once.err, '')
})

/** Writes a folder of clips, one for each caption. */
async function writeOwn(folder: string, captions: readonly string[]): Promise<void> {
  await mkdir(join(cwd, folder))
  for (const [i, caption] of captions.entries()) {
    const frames = Uint8Array.from({ length: 6 * 20 * 10 * 4 }, (_, k) => (k * (i + 3)) % 251)
    const webp = await encodeWebp({ frames, count: 6, width: 20, height: 10, fps: 6 })
    await writeFile(join(cwd, folder, `${i}.webp`), webp)
    await writeFile(join(cwd, folder, `${i}.txt`), caption)
  }
}

test('a folder of own clips is measured at the size of the model', async () => {
  await writeOwn('own', ['red heart', 'blue bird'])
  const { code, out, err } = await runCli(['evaluate', 'tiny', '--data', 'own', '--steps', '1', '--json'], { cwd })
  assert.equal(code, 0, err)
  const { training, dataSize, frames } = JSON.parse(out)
  assert.deepEqual([training.clips, dataSize, frames], [2, 32, 5])
})

test('held-out clips of a caption that is trained on are not called held-out concepts', async () => {
  await writeOwn('hearts', new Array(40).fill('red heart'))
  const args = ['evaluate', 'tiny', '--data', 'hearts', '--steps', '1', '--limit', '1']
  const { code, out, err } = await runCli(args, { cwd })
  assert.equal(code, 0, err)
  assert.match(out, /\nHeld-out clips: 1, 1 of them moving\n/)
  assert.match((await runCli([...args, '--lang', 'zh'], { cwd })).out, /\n未参与训练的片段：1 段，/)
})

test('--fail-if that holds ends with exit code 10 and tells which', async () => {
  const { code, out, err } = await evaluate('--fail-if', 'recall@1<=1', '--fail-if', 'held-out/psnr>99', '--json')
  assert.equal(code, 10)
  const { failed } = JSON.parse(out)
  assert.deepEqual(
    failed.map(({ condition }: { condition: string }) => condition),
    ['recall@1<=1'],
  )
  assert.match(err, /failed: recall@1<=1 \(\d/)
  assert.equal((await evaluate('--fail-if', 'psnr>99')).code, 0)
})

test('--sheet draws every clip, four frames on white and on dark', async () => {
  const { code, err } = await evaluate('--sheet', 'out/sheet.png')
  assert.equal(code, 0)
  assert.match(err, /Sheet: .*sheet\.png/)
  const { data, info } = await sharp(await readFile(join(cwd, 'out', 'sheet.png')))
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true })
  assert.deepEqual([info.width, info.height], [8 + 6 * (4 * 32 + 8), 8 + 2 * 32 + 13 + 8])
  /** Brightest value in a square of the sheet. */
  const lightest = (top: number) => {
    let most = 0
    for (let y = top; y < top + 32; y++)
      for (let x = 8; x < 40; x++)
        most = Math.max(most, Math.min(...data.subarray(3 * (y * info.width + x)).subarray(0, 3)))
    return most
  }
  assert.ok(lightest(8) > 200)
  assert.ok(lightest(40) < lightest(8))
})

test('a sheet that cannot be written in the end loses no figures', async () => {
  const { io, out, err } = recordingIo({ cwd })
  const taken = join(cwd, 'taken.png')
  // Somebody takes the place while clips are drawn.
  const stderr = {
    write(text: string | Uint8Array) {
      mkdirSync(taken, { recursive: true })
      return io.stderr.write(text)
    },
  }
  const args = ['evaluate', 'tiny', '--data', 'data', '--steps', '1', '--limit', '1', '--sheet', 'taken.png', '--json']
  assert.equal(await main(args, { ...io, stderr }), 3)
  assert.equal(JSON.parse(out()).training.clips, 1)
  assert.match(err(), /^cannot write \S+taken\.png: /m)
})

test('mistakes are known before anything is drawn', async () => {
  const cases: [string[], number, RegExp][] = [
    [['--fail-if', 'recall<1'], 2, /'--fail-if' cannot be 'recall<1': .*figures: recall@1/],
    [['--limit', '0'], 2, /'--limit' cannot be '0'/],
    [['--captions', 'de'], 2, /'--captions' cannot be 'de': it is one of en, zh/],
    [['--sheet', 'sheet.jpg'], 2, /the sheet must end in \.png/],
    [['--sheet', 'models/tiny/model_index.json/sheet.png'], 3, /a part of the path is a file/],
    [['--data', 'nowhere'], 3, /cannot read .*nowhere/],
  ]
  for (const [args, want, message] of cases) {
    const { code, out, err } = await evaluate(...args)
    assert.match(err, message)
    assert.deepEqual([code, out], [want, ''])
    assert.doesNotMatch(err, /clip 1/)
  }
  const absent = await runCli(['evaluate', 'nothing', '--data', 'data'], { cwd })
  assert.equal(absent.code, 3)
  assert.ok(!(await readdir(cwd)).includes('sheet.jpg'))
})
