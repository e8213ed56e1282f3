import assert from 'node:assert/strict'
import { chmod, cp, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import sharp from 'sharp'
import { scratchFolder } from '../../test/cli.ts'
import { movingDisc } from '../../test/emoji-packages.ts'
import { pamOf } from '../../test/pam.ts'
import { TubeletError } from '../errors.ts'
import { encodeGif, encodeStrip, encodeWebp } from '../files/webp.ts'
import type { BuildOptions } from './build-options.ts'
import type { Dataset } from './dataset.ts'
import { buildFolder, folderFingerprint } from './folder.ts'
import { listFolder } from './folder-files.ts'
import { decodeSample, readShards, type Sample } from './shards.ts'

const root = await scratchFolder()
const disc = movingDisc(6, 24, [220, 30, 40])
const form = { size: 16, frames: 5 }
let made = 0

/** A picture of one colour, 12 × 8 pixels, told apart by its number. */
const plain = (i: number) =>
  sharp({ create: { width: 12, height: 8, channels: 3, background: { r: (i * 40) % 256, g: (i * 7) % 256, b: 90 } } })
const png = (i: number) => plain(i).png().toBuffer()

/** Writes files to a fresh folder. */
async function folderOf(files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const folder = join(root, `folder-${made++}`)
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), content)
  }
  return folder
}

async function build(folder: string, options: Partial<BuildOptions> & { env?: Record<string, string> } = {}) {
  const { out = join(root, `data-${made++}`) } = options
  const listing = await listFolder(folder, { env: options.env })
  let dataset: Dataset | undefined
  for await (const event of buildFolder(listing, { ...form, ...options, out }))
    if (event.type === 'done') dataset = event.dataset
  const samples: Sample[] = []
  for await (const sample of readShards(out)) samples.push(sample)
  return { listing, dataset: dataset!, samples }
}

const metaOf = (samples: readonly Sample[]) => Object.fromEntries(samples.map(({ meta }) => [meta.file, meta]))
const refused = (message: RegExp, code = 'input') => ({ code, message })

test('pictures and clips of every format become squares of one size, with their captions as they are written', async () => {
  const folder = await folderOf({
    'cat.png': await png(1),
    'cat.txt': 'A photo of my cat, asleep.\n我的猫在睡觉',
    'photo.JPG': await plain(2).jpeg().toBuffer(),
    'photo.txt': '一张照片',
    'sub/star.svg': '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 4"><rect width="2" height="4"/></svg>',
    'sub/star.caption': 'half a square',
    'sub/deeper/ball.webp': await encodeWebp(disc),
    'ball.gif': await encodeGif({ ...disc, fps: 10 }),
    'strip.png': await encodeStrip(disc, { xmp: '<x:xmpmeta xmlns:x="adobe:ns:meta/" tubelet:frames="6"/>' }),
  })
  const { samples, dataset } = await build(folder, { quality: 'lossless' })
  const meta = metaOf(samples)
  const told = (name: string) => [meta[name].kind, meta[name].frames, meta[name].en.label, meta[name].zh.label]
  assert.deepEqual(told('cat.png'), ['still', 1, 'A photo of my cat, asleep.', '我的猫在睡觉'])
  assert.deepEqual(told('photo.JPG'), ['still', 1, '一张照片', '一张照片'])
  assert.deepEqual(told('sub/star.svg'), ['still', 1, 'half a square', 'half a square'])
  assert.deepEqual(told('sub/deeper/ball.webp'), ['clip', 5, 'ball', 'ball'])
  assert.deepEqual(
    [meta['cat.png'].language, meta['photo.JPG'].language, meta['ball.gif'].language],
    [undefined, 'zh', 'en'],
  )
  // A loop lasts as long as its source; a strip does not say how long, so twelve frames make a second.
  assert.deepEqual(
    ['ball.gif', 'strip.png'].map((name) => Math.round(meta[name].durationMs)),
    [600, 500],
  )
  assert.deepEqual([dataset.counts.clips, dataset.counts.stills, dataset.counts.heldOut], [3, 3, 0])
  for (const sample of samples) {
    const { width, height, frames } = await decodeSample(sample)
    assert.deepEqual([width, height], [16, 16])
    if (sample.meta.file !== 'cat.png') continue
    // 12 × 8 pixels in the middle, transparent above and below.
    const alpha = Array.from({ length: 16 }, (_, y) => frames[4 * (16 * y + 8) + 3])
    assert.deepEqual([alpha[0], alpha[8], alpha[15]], [0, 255, 0])
  }
})

test('the same pictures give the same bytes wherever they lie; other words, pictures or sizes give other data', async () => {
  const files = { 'a.png': await png(1), 'a.txt': 'one', 'b/c.png': await png(2) }
  const [one, two] = [await folderOf(files), await folderOf(files)]
  const first = await build(one)
  assert.deepEqual((await build(two)).dataset, { ...first.dataset, name: (await listFolder(two)).name })
  const fingerprint = async (changed: Record<string, string | Uint8Array>, options = form) =>
    folderFingerprint(await listFolder(await folderOf({ ...files, ...changed })), options)
  const others = [
    fingerprint({}),
    fingerprint({ 'a.txt': 'two' }),
    fingerprint({ 'a.png': await png(3) }),
    fingerprint({ 'd.png': await png(3) }),
    fingerprint({}, { ...form, frames: 3 }),
  ]
  assert.equal(new Set(await Promise.all(others)).size, others.length)
  assert.equal(await others[0], first.dataset.fingerprint)
})

test('from twenty of a kind on a share is held out by content, whatever the pictures are called', async () => {
  const many = Object.fromEntries(
    await Promise.all(Array.from({ length: 60 }, async (_, i) => [`${i}.png`, await png(i)] as const)),
  )
  const split = (samples: readonly Sample[]) =>
    Object.fromEntries(samples.map(({ key, meta }) => [key, meta.split] as const).sort())
  const { samples, dataset } = await build(await folderOf({ ...many, 'ball.webp': await encodeWebp(disc) }))
  assert.ok(dataset.counts.heldOut > 0 && dataset.counts.heldOut < 10, `${dataset.counts.heldOut}`)
  assert.equal(metaOf(samples)['ball.webp'].split, 'train') // one of its kind
  const renamed = Object.entries(many).map(([name, content], i) => [`${i % 7}/other-${name}`, content] as const)
  const again = await build(await folderOf({ ...Object.fromEntries(renamed), 'ball.webp': await encodeWebp(disc) }))
  assert.deepEqual(split(again.samples), split(samples))
  const few = Object.fromEntries(Object.entries(many).slice(0, 19))
  assert.equal((await build(await folderOf(few))).dataset.counts.heldOut, 0)
})

test('what is wrong with a folder is found: doubles, captions that are missing, empty, alone or no text, and other files', async () => {
  const folder = await folderOf({
    'a.png': await png(1),
    'a.txt': 'one',
    'b/again.png': await png(1),
    'blank.png': await png(2),
    'blank.txt': ' \n\t\n',
    'broken.png': (await png(3)).subarray(0, 60),
    'gone.txt': 'no picture',
    'greek.png': await png(4),
    'greek.txt': Buffer.from([0xce, 0xbb, 0xff, 0xfe]),
    'long.png': await png(5),
    'long.txt': 'x'.repeat(2 ** 17),
    'no_words.png': await png(6),
    'photo.heic': 'x',
    'text.png': 'no picture',
    '.hidden.png': 'x',
    'wide.png': await png(7),
    'wide.txt': Buffer.from('\ufeffa wide one', 'utf16le'),
  })
  const { listing, dataset, samples } = await build(folder)
  assert.deepEqual(
    samples.map(({ meta }) => [meta.file, meta.en.label]),
    [
      ['a.png', 'one'],
      ['blank.png', 'blank'],
      ['no_words.png', 'no words'],
    ],
  )
  const { duplicates, unnamed, emptyCaptions, loneCaptions, others } = listing
  assert.deepEqual(duplicates, [{ name: 'b/again.png', of: 'a.png' }])
  assert.deepEqual([unnamed.includes('no_words.png'), emptyCaptions], [true, ['blank.png']])
  assert.deepEqual([loneCaptions, others], [['gone.txt'], ['photo.heic']])
  const left = [...dataset.skipped, ...dataset.shards.flatMap((shard) => shard.skipped)]
  const reasons = Object.fromEntries(left.map(({ name, reason }) => [name, reason]))
  assert.deepEqual(Object.keys(reasons).sort(), ['broken.png', 'greek.png', 'long.png', 'text.png', 'wide.png'])
  assert.match(reasons['broken.png'], /^broken\.png: damaged, or not a picture that can be read/)
  assert.match(reasons['text.png'], /^text\.png: damaged, or not a picture/)
  assert.equal(reasons['greek.png'], 'greek.txt: not text in UTF-8; save it in that encoding')
  assert.equal(reasons['wide.png'], 'wide.txt: not text in UTF-8; save it in that encoding')
  assert.match(reasons['long.png'], /long\.txt: 131072 bytes, more than the 65536 expected here$/)
})

test('whatever damage a file has, the others become samples, and it is one of them or is told', async () => {
  const sources = [await png(1), await encodeWebp(disc), await plain(2).jpeg().toBuffer(), await encodeGif(disc)]
  const good = await png(9)
  const damage = fc.record({
    source: fc.nat({ max: sources.length - 1 }),
    end: fc.double({ min: 0, max: 1, noNaN: true }),
    flips: fc.array(fc.tuple(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.integer({ min: 1, max: 255 })), {
      maxLength: 4,
    }),
  })
  await fc.assert(
    fc.asyncProperty(damage, async ({ source, end, flips }) => {
      const whole = sources[source]
      const bytes = Uint8Array.from(whole.subarray(0, Math.ceil(end * whole.length)))
      for (const [at, mask] of flips) if (bytes.length > 0) bytes[Math.floor(at * bytes.length)] ^= mask
      const folder = await folderOf({ 'damaged.png': bytes, 'good.png': good })
      const { samples, dataset, listing } = await build(folder)
      const meta = metaOf(samples)
      assert.ok(meta['good.png'])
      const left = [...dataset.skipped, ...dataset.shards.flatMap((shard) => shard.skipped)]
      const double = listing.duplicates.length
      assert.equal(left.length + double + Number('damaged.png' in meta), 1)
      await rm(folder, { recursive: true })
    }),
    { numRuns: 40 },
  )
})

test('a picture too long to be made square is left out and told', async () => {
  const line = sharp({ create: { width: 40_000, height: 1, channels: 3, background: 'red' } })
  const { samples, dataset } = await build(
    await folderOf({ 'line.png': await line.png().toBuffer(), 'a.png': await png(1) }),
  )
  assert.deepEqual(Object.keys(metaOf(samples)), ['a.png'])
  const [{ name, reason }] = dataset.shards.flatMap((shard) => shard.skipped)
  assert.deepEqual([name, /^1 frames of 40000×40000 are more than 268435456 pixels/.test(reason)], ['line.png', true])
})

test('captions of many pictures may stand in metadata.jsonl, as in an imagefolder; a .txt goes before', async () => {
  const rows = [
    { file_name: 'one.png', text: 'the first' },
    { file_name: 'two.png', caption: 'the second' },
    { file_name: 'four.png', label: 4 },
  ]
  const files = {
    'train/one.png': await png(1),
    'train/one.txt': 'its own',
    'train/two.png': await png(2),
    'train/three.png': await png(3),
    'train/four.png': await png(4),
  }
  const lines = rows.map((row) => JSON.stringify(row)).join('\n')
  const { samples, listing } = await build(await folderOf({ ...files, 'train/metadata.jsonl': `${lines}\n` }))
  assert.deepEqual(
    samples.map(({ meta }) => meta.en.label),
    ['four', 'its own', 'three', 'the second'],
  )
  assert.deepEqual([listing.unnamed, listing.others], [['train/four.png', 'train/three.png'], []])
  for (const line of ['{"text": "of no file"}', '{"file_name":', '7'])
    await assert.rejects(
      listFolder(await folderOf({ ...files, 'train/metadata.jsonl': `${lines}\n${line}` })),
      refused(/^train\/metadata\.jsonl:4: /),
    )
})

test('a folder without a picture, with none that can be read, and a place among the pictures are refused', async () => {
  await assert.rejects(listFolder(join(root, 'nowhere')), refused(/cannot read .*nowhere: no such file or folder/))
  await assert.rejects(listFolder(await folderOf({ 'a.txt': 'x' })), refused(/: no picture is in this folder or below/))
  const none = /: none of its pictures can be read; the first: a\.png: damaged/
  await assert.rejects(listFolder(await folderOf({ 'a.png': 'x', 'b.png': '' })), refused(none))
  const cut = (await png(1)).subarray(0, 60) // its header is whole
  await assert.rejects(build(await folderOf({ 'a.png': cut })), refused(none))
  const folder = await folderOf({ 'a.png': await png(1) })
  assert.equal((await build(folder)).samples.length, 1)
  const inside = refused(/: lies in the folder of the pictures; choose another with -o$/, 'usage')
  for (const out of ['.', 'data', '..data']) await assert.rejects(build(folder, { out: join(folder, out) }), inside)
  const stopped = listFolder(folder, { signal: AbortSignal.abort() })
  await assert.rejects(stopped, (error) => error instanceof TubeletError && error.code === 'stopped')
})

/** Stands for ffmpeg: tells a length of two seconds, then does as it is told where five frames are asked for. */
async function writeFfmpeg(bin: string, frames: string) {
  await mkdir(bin, { recursive: true })
  await writeFile(join(bin, 'pam'), pamOf(new Uint8Array(5 * 256 * 144 * 4), { width: 256, height: 144 }))
  const script = `#!/bin/sh\ncase "$*" in -version) echo 'ffmpeg version 7';; *fps=2.5,*'-frames:v 5'*) ${frames};; *) echo '  Duration: 00:00:02.00, start' >&2; exit 1;; esac\n`
  await writeFile(join(bin, 'ffmpeg'), script)
  await chmod(join(bin, 'ffmpeg'), 0o755)
}

test('a video is left out where ffmpeg is missing, and is a clip of as many frames as are asked for where it is there', async () => {
  const folder = await folderOf({ 'a.png': await png(1), 'sea.mp4': 'a video', 'sea.txt': 'the sea' })
  const nowhere = { PATH: join(root, 'nowhere') }
  const without = await build(folder, { env: nowhere })
  assert.match(without.dataset.skipped[0].reason, /^sea\.mp4: reading video needs ffmpeg: /)
  const bin = join(root, 'bin')
  await writeFfmpeg(bin, `cat '${join(bin, 'pam')}'`)
  const { samples, dataset } = await build(folder, { env: { PATH: `${bin}:${process.env.PATH}` } })
  const { kind, frames, fps, en } = metaOf(samples)['sea.mp4']
  assert.deepEqual([kind, frames, fps, en.label], ['clip', 5, 2.5, 'the sea'])
  assert.notEqual(dataset.fingerprint, without.dataset.fingerprint)
})

test('a video that could not be decoded is tried again, as ffmpeg may be another one by then', async () => {
  const folder = await folderOf({ 'a.png': await png(1), 'sea.mp4': 'a video', 'sea.txt': 'the sea' })
  const bin = join(root, 'changing')
  const out = join(root, 'tried-again')
  const buildWith = async (frames: string) => {
    await writeFfmpeg(bin, frames)
    return build(folder, { env: { PATH: `${bin}:${process.env.PATH}` }, out })
  }
  assert.match(
    (await buildWith('exit 1')).dataset.shards[0].skipped[0].reason,
    /^sea\.mp4: not a video that can be read/,
  )
  const { samples } = await buildWith(`cat '${join(bin, 'pam')}'`)
  assert.deepEqual(Object.keys(metaOf(samples)).sort(), ['a.png', 'sea.mp4'])
})

test('a clip of an eighth of a second comes back frame by frame, though no file shows so many a second', async () => {
  const [count, size, frames] = [5, 16, 17]
  const shown = Uint8Array.from({ length: count * size * size * 4 }, (_, i) =>
    i % 4 === 3 ? 255 : 50 * Math.floor(i / size / size / 4),
  )
  const file = await encodeWebp({ frames: shown, count, width: size, height: size, fps: 40 }, { quality: 'lossless' })
  const { samples } = await build(await folderOf({ 'fast.webp': file }), { size, frames, quality: 'lossless' })
  const clip = await decodeSample(samples[0])
  assert.equal(clip.fps, 136)
  assert.deepEqual(
    Array.from({ length: frames }, (_, t) => clip.frames[t * size * size * 4] / 50),
    [0, 0, 1, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 4, 0], // evenly over the loop
  )
})

test('a folder that was moved is still the same data', async () => {
  const folder = await folderOf({ 'a.png': await png(1) })
  const before = folderFingerprint(await listFolder(folder), form)
  await rename(folder, `${folder}-moved`)
  assert.equal(folderFingerprint(await listFolder(`${folder}-moved`), form), before)
  await cp(`${folder}-moved`, folder, { recursive: true })
  assert.equal(folderFingerprint(await listFolder(folder), form), before)
})
