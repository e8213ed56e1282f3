import assert from 'node:assert/strict'
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCli, scratchFolder } from '../../test/cli.ts'
import { startCli } from '../../test/cli-process.ts'
import { emojiPackages } from '../../test/emoji-packages.ts'
import { packagesOf } from '../data/drawings.ts'
import { captionPackage } from '../data/emoji-packages.ts'

const root = await scratchFolder()
process.env.TUBELET_CACHE = join(root, 'cache')
await fillCache()

/** Puts small packages where those that were fetched before are looked for. */
async function fillCache(): Promise<void> {
  const locate = await emojiPackages(join(root, 'packages'))
  await mkdir(join(root, 'cache', 'packages'), { recursive: true })
  for (const pinned of new Set([captionPackage, ...packagesOf('fluent'), ...packagesOf('twemoji')])) {
    const { name, version, integrity } = pinned
    const folder = join(root, 'cache', 'packages', `${name.replace('/', '+')}-${version}`)
    await rename(await locate(pinned), folder)
    await writeFile(join(folder, '.complete'), integrity)
  }
}

test('data build writes a data set and prints its folder; what is left out is listed on stderr', async () => {
  const { code, out, err } = await runCli(['data', 'build', 'emoji', '--size', '16', '--frames', '5'], { cwd: root })
  assert.equal(code, 0, err)
  assert.equal(out, 'data/emoji\n')
  assert.match(err, /^\d+ samples in \d+ shards, 0 of them built before$/m)
  assert.match(err, /^left out: \S+: /m)
  assert.match(err, /^\d+ samples \(\d+ clips, \d+ stills; \d+ held out\) in \d+ shards, [\d.]+ k?B$/m)
  const index = JSON.parse(await readFile(join(root, 'data', 'emoji', 'dataset.json'), 'utf8'))
  assert.deepEqual([index.size, index.frames], [16, 5])
})

test('made pictures and points are built by name', async () => {
  const build = (...args: string[]) => runCli(['data', 'build', ...args], { cwd: root })
  const { err: told } = await build('shapes', '-n', '20', '--size', '16', '--groups', '1')
  assert.match(told, /^20 samples .* in 1 shard, /m)
  const shapes = await build('shapes', '-n', '20', '--size', '16', '--groups', '1', '--lang', 'zh')
  assert.deepEqual([shapes.code, shapes.out], [0, 'data/shapes\n'], shapes.err)
  const moving = await build('moving-shapes', '-n', '3', '--size', '16', '--frames', '5', '-o', 'moves', '--json')
  assert.deepEqual(JSON.parse(moving.out).counts.clips, 3)
  const points = await build('mixture', '-n', '9', '-o', 'points.safetensors')
  assert.deepEqual([points.code, points.out], [0, 'points.safetensors\n'])
  const found = JSON.parse((await runCli(['data', 'inspect', 'data/shapes', '--json'], { cwd: root })).out)
  assert.equal(found.samples, 20)
  for (const [args, message] of [
    [['shapes', '--groups', '4', '--most', '3'], /4 groups of 3 do not fit into 9 cells/],
    [['moving-shapes', '--events', '3'], /--events.*1 to 2/],
    [['mixture', '-o', 'points.txt'], /must end in \.safetensors/],
  ] as const) {
    const { code, err } = await build(...args)
    assert.equal(code, 2, err)
    assert.match(err, message)
  }
})

test('a place that cannot be written is told in one sentence', async () => {
  await writeFile(join(root, 'taken'), '')
  for (const place of ['taken', 'taken/inner']) {
    const { code, err } = await runCli(['data', 'build', 'shapes', '-n', '2', '-o', place], { cwd: root })
    assert.equal(code, 3)
    assert.match(err, /^error: cannot write .*taken.*: .*\n/m)
    assert.doesNotMatch(err, /\n +at /)
  }
})

test('a command whose stderr nobody reads any more finishes its work', async () => {
  const child = startCli(['data', 'build', 'shapes', '-n', '300', '-o', 'unheard'], { cwd: root })
  child.closeErr()
  assert.equal(await child.ended, 0)
  assert.equal(JSON.parse(await readFile(join(root, 'unheard', 'dataset.json'), 'utf8')).counts.stills, 300)
})

test('data inspect counts what data build wrote, draws a sheet, and finds damage with exit code 3', async () => {
  const build = [
    'data',
    'build',
    'emoji',
    '-o',
    'seen',
    '--size',
    '16',
    '--frames',
    '5',
    '--styles',
    'fluent',
    '--json',
  ]
  const built = JSON.parse((await runCli(build, { cwd: root })).out)
  const { code, out } = await runCli(['data', 'inspect', 'seen', '--json', '--sheet', 'sheet.png'], { cwd: root })
  const found = JSON.parse(out)
  assert.equal(code, 0)
  assert.equal(found.samples, built.counts.samples)
  assert.equal(found.sheet, join(root, 'sheet.png'))
  assert.ok((await stat(found.sheet)).size > 500)

  const index = JSON.parse(await readFile(join(root, 'seen', 'dataset.json'), 'utf8'))
  const shard = join(root, 'seen', index.shards[0].file)
  const bytes = await readFile(shard)
  bytes[bytes.length >> 1] ^= 255
  await writeFile(shard, bytes)
  const again = await runCli(['data', 'inspect', 'seen'], { cwd: root })
  assert.equal(again.code, 3)
  assert.match(again.out, /damaged:\n {2}\S+\.tar/)
})

test('data inspect reports also where its sheet cannot be written; one that was asked for is a failure', async () => {
  const build = ['data', 'build', 'shapes', '-n', '4', '--size', '16', '-o', 'full', '--quiet']
  assert.equal((await runCli(build, { cwd: root })).code, 0)
  await mkdir(join(root, 'full', 'contact-sheet.png'))
  const inspect = (...args: string[]) => runCli(['data', 'inspect', 'full', ...args], { cwd: root })
  const { code, out, err } = await inspect()
  assert.equal(code, 0, err)
  assert.match(
    out,
    /^shapes, 16 pixels: 4 samples[\s\S]*Nothing is damaged\.\n\nNo contact sheet: cannot write \S+sheet\.png: /,
  )
  assert.match((await inspect('--lang', 'zh')).out, /没有总览图：无法写入 \S+sheet\.png：/)
  const asked = await inspect('--json', '--sheet', 'full/contact-sheet.png')
  assert.equal(asked.code, 3)
  assert.equal(JSON.parse(asked.out).samples, 4)
})

test('a folder that holds no data set, or another one, is refused', async () => {
  const none = await runCli(['data', 'inspect', 'cache'], { cwd: root })
  assert.deepEqual([none.code, none.out], [3, ''])
  assert.match(none.err, /dataset\.json: no such file/)
  const args = ['data', 'build', 'emoji', '-o', 'twice', '--size', '16', '--styles', 'twemoji', '--quiet']
  assert.deepEqual(await runCli(args, { cwd: root }), { code: 0, out: 'twice\n', err: '' })
  const other = await runCli([...args, '--lossless'], { cwd: root })
  assert.equal(other.code, 2)
  assert.match(other.err, /twice holds a data set built with other options/)
})
