import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { emojiPackages } from '../../test/emoji-packages.ts'
import { TubeletError } from '../errors.ts'
import { splitOf } from './code-points.ts'
import type { Dataset } from './dataset.ts'
import { type BuildEvent, buildEmoji, type EmojiOptions } from './emoji.ts'
import { decodeSample, readShards, type Sample } from './shards.ts'

let root: string
let locate: Awaited<ReturnType<typeof emojiPackages>>
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'tubelet-emoji-'))
  locate = await emojiPackages(join(root, 'packages'))
})
after(() => rm(root, { recursive: true, force: true }))

async function build(out: string, options: Partial<EmojiOptions> = {}) {
  const events: BuildEvent[] = []
  for await (const event of buildEmoji({ out: join(root, out), size: 16, frames: 5, locate, ...options }))
    events.push(event)
  const last = events.at(-1)
  assert.ok(last?.type === 'done')
  return { events, dataset: last.dataset, dir: join(root, out) }
}

async function samplesOf(dir: string, filter = {}): Promise<Sample[]> {
  const samples: Sample[] = []
  for await (const sample of readShards(dir, filter)) samples.push(sample)
  return samples
}

const reasons = ({ skipped, shards }: Dataset) =>
  Object.fromEntries(
    [...skipped, ...shards.flatMap((shard) => shard.skipped)].map(({ name, reason }) => [name, reason]),
  )

test('every tone-less drawing with a caption becomes a sample, and everything else is listed with its reason', async () => {
  const { dataset, dir, events } = await build('plain')
  const samples = await samplesOf(dir)
  assert.deepEqual(
    samples.map(({ key, meta }) => [key, meta.kind, meta.frames, meta.sourceFrames]),
    [
      ['1f600', 'clip', 5, 8],
      ['2764', 'clip', 5, 12],
      ['23-20e3', 'still', 1, 1],
    ],
  )
  const skipped = reasons(dataset)
  assert.deepEqual(
    Object.keys(skipped).sort(),
    [
      '@lobehub/fluent-emoji-anim-2/23-20e3.webp',
      '@lobehub/fluent-emoji-anim-2/1fae8.webp',
      '@lobehub/fluent-emoji-anim-3/1f525.webp',
      '@lobehub/fluent-emoji-anim-3/logo.webp',
    ].sort(),
  )
  assert.match(skipped['@lobehub/fluent-emoji-anim-2/23-20e3.webp'], /another spelling of .*0023-fe0f-20e3\.webp/)
  assert.equal(skipped['@lobehub/fluent-emoji-anim-2/1fae8.webp'], 'no caption for 1fae8')
  assert.match(skipped['@lobehub/fluent-emoji-anim-3/1f525.webp'], /damaged/)
  assert.equal(skipped['@lobehub/fluent-emoji-anim-3/logo.webp'], 'its name is not a code point')
  assert.equal(events.filter(({ type }) => type === 'skip').length, 4)
  assert.deepEqual([dataset.counts.clips, dataset.counts.stills], [2, 1])
})

test('captions are in English and Chinese, with tags and groups', async () => {
  const { dir } = await build('captions')
  const [, heart] = await samplesOf(dir)
  assert.deepEqual(heart.meta.en, {
    label: 'red heart',
    tags: ['love'],
    group: 'smileys & emotion',
    subgroup: 'smileys & emotion',
  })
  assert.deepEqual(heart.meta.zh, { label: '红心', tags: ['爱'], group: '笑脸', subgroup: '笑脸' })
  assert.deepEqual([heart.meta.emoji, heart.meta.group, heart.meta.codePoint], ['❤️', 'smileys-emotion', '2764'])
})

test('a loop lasts as long as its source, whatever the number of frames', async () => {
  for (const frames of [1, 5, 17, 30]) {
    const { dir } = await build(`frames-${frames}`, { frames, kinds: ['clip'] })
    for (const sample of await samplesOf(dir)) {
      const { count, fps } = await decodeSample(sample)
      assert.equal(count, frames)
      assert.ok(Math.abs((count * 1000) / fps - sample.meta.durationMs) < 1e-6)
      assert.ok(Math.abs(sample.meta.sourceFrames / sample.meta.sourceFps - sample.meta.durationMs / 1000) < 1e-6)
    }
  }
})

test('a lossless build holds the source, resized, to the pixel', async () => {
  const { dir } = await build('lossless', { quality: 'lossless', size: 32, frames: 12 })
  const [, heart] = await samplesOf(dir)
  const { frames } = await decodeSample(heart)
  for (let i = 0; i < frames.length; i += 4) {
    if (frames[i + 3] > 0) assert.deepEqual([...frames.subarray(i, i + 4)], [220, 30, 40, 255])
  }
})

test('a concept is in one split, in every style', async () => {
  const { dir, dataset } = await build('styles', { styles: ['noto', 'fluent', 'twemoji'] })
  const samples = await samplesOf(dir)
  assert.deepEqual(
    samples.map(({ key }) => key),
    ['1f600', '2764', '23-20e3', '1f600_twemoji', '2764_twemoji', '2764_noto'],
  )
  for (const { meta } of samples) assert.equal(meta.split, splitOf(meta.codePoint))
  assert.deepEqual(await samplesOf(dir, { styles: ['twemoji'] }), samples.slice(3, 5))
  assert.ok(dataset.packages.some(({ name }) => name === '@iconify-json/noto'))
})

test('two builds give the same bytes', async () => {
  const first = await build('same-1', { shardSamples: 1 })
  const second = await build('same-2', { shardSamples: 1 })
  assert.deepEqual(
    first.dataset.shards.map(({ samples }) => samples),
    [1, 1, 0, 1],
  )
  assert.deepEqual(first.dataset, second.dataset)
  for (const { file } of first.dataset.shards) {
    assert.deepEqual(await readFile(join(first.dir, file)), await readFile(join(second.dir, file)))
  }
})

test('a build that was stopped goes on where it was, and ends as if it had not been stopped', async () => {
  const whole = await build('whole', { shardSamples: 1 })
  const out = join(root, 'stopped')
  for await (const event of buildEmoji({ out, size: 16, frames: 5, shardSamples: 1, locate })) {
    if (event.type === 'shard') break
  }
  // What a kill in the middle of a line leaves.
  await writeFile(join(out, 'build.jsonl'), `${await readFile(join(out, 'build.jsonl'), 'utf8')}{"file":"flu`)
  const { events, dataset } = await build('stopped', { shardSamples: 1 })
  assert.ok(events.some((event) => event.type === 'plan' && event.resumed === 1))
  assert.deepEqual(dataset, whole.dataset)
  assert.deepEqual(await readdir(out), await readdir(whole.dir))
})

test('a finished build is not done again, except for a shard that is missing', async () => {
  const { dir, dataset } = await build('again', { shardSamples: 1 })
  const again = await build('again', { shardSamples: 1 })
  assert.ok(again.events.some((event) => event.type === 'plan' && event.resumed === 4))
  await rm(join(dir, dataset.shards[1].file))
  const mended = await build('again', { shardSamples: 1 })
  assert.ok(mended.events.some((event) => event.type === 'plan' && event.resumed === 3))
  assert.deepEqual(mended.dataset, dataset)
})

test('a folder that holds another build is left alone', async () => {
  const { dir } = await build('mine')
  const before = await readFile(join(dir, 'dataset.json'))
  await assert.rejects(
    build('mine', { size: 8 }),
    (error) =>
      error instanceof TubeletError && error.code === 'usage' && /built with other options/.test(error.message),
  )
  assert.deepEqual(await readFile(join(dir, 'dataset.json')), before)
})

test('a signal stops the build between samples', async () => {
  const stop = new AbortController()
  const run = async () => {
    for await (const event of buildEmoji({ out: join(root, 'signal'), size: 16, locate, signal: stop.signal })) {
      if (event.type === 'progress') stop.abort()
    }
  }
  await assert.rejects(run(), (error) => error instanceof TubeletError && error.code === 'stopped')
})

test('licences stand beside the shards', async () => {
  const { dir } = await build('licences', { styles: ['fluent', 'noto'] })
  const list = await readFile(join(dir, 'LICENSES', 'README.md'), 'utf8')
  assert.match(list, /emojibase-data@17\.0\.0: .* MIT/)
  assert.match(list, /@iconify-json\/noto@1\.2\.9: Google .* Apache-2\.0/)
  assert.match(
    await readFile(join(dir, 'LICENSES', 'lobehub-fluent-emoji-anim-1.txt'), 'utf8'),
    /Microsoft Corporation/,
  )
  assert.match(await readFile(join(dir, 'LICENSES', 'emojibase-data.txt'), 'utf8'), /MIT License of the captions/)
})

test('options out of range are refused by name', async () => {
  await assert.rejects(build('bad', { size: 0 }), /size must be a whole number from 1 to 512 \(got 0\)/)
  await assert.rejects(build('bad', { frames: 2.5 }), /frames must be a whole number from 1 to 256 \(got 2\.5\)/)
  // @ts-expect-error a style that a person may type
  await assert.rejects(build('bad', { styles: ['manga'] }), /no style manga; there are fluent, 3d/)
})
