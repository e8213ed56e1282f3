import assert from 'node:assert/strict'
import { cp, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { emojiPackages } from '../../test/emoji-packages.ts'
import { TubeletError } from '../errors.ts'
import { readTar, type TarEntry, writeTar } from '../files/tar.ts'
import { loadClips } from './clips.ts'
import { buildEmoji } from './emoji.ts'
import { inspectDataset } from './inspect.ts'
import { decodeSample, parseSample, readMembers, readShards } from './shards.ts'

let root: string
let whole: string
let copies = 0
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'tubelet-shards-'))
  whole = join(root, 'whole')
  const locate = await emojiPackages(join(root, 'packages'))
  for await (const _ of buildEmoji({ out: whole, size: 16, frames: 5, quality: 'lossless', locate }));
})
after(() => rm(root, { recursive: true, force: true }))

const clips = 'fluent-clips-00000.tar'

/** A copy of the data set whose clip shard is changed. */
async function changed(change: (entries: TarEntry[]) => TarEntry[] | undefined): Promise<string> {
  const dir = join(root, `copy-${copies++}`)
  await cp(whole, dir, { recursive: true })
  const entries: TarEntry[] = []
  for await (const { name, bytes } of readTar(join(dir, clips))) entries.push({ name, bytes: new Uint8Array(bytes) })
  await writeTar(join(dir, clips), change(entries) ?? entries)
  return dir
}

async function readAll(dir: string) {
  let count = 0
  for await (const sample of readShards(dir)) {
    await decodeSample(sample)
    count++
  }
  return count
}

const refused = (pattern: RegExp) => (error: unknown) =>
  error instanceof TubeletError && error.code === 'input' && pattern.test(error.message)
const text = (value: string) => new TextEncoder().encode(value)

test('a sample without its picture or its words, or with words that do not fit, is refused by name', async () => {
  await assert.rejects(readAll(await changed((all) => all.slice(1))), refused(/sample 1f600 has no webp member/))
  await assert.rejects(readAll(await changed((all) => [all[0], ...all.slice(2)])), refused(/sample 1f600 has no json/))
  const replaced = (json: string) =>
    changed((all) => all.map((entry, i) => (i === 1 ? { ...entry, bytes: text(json) } : entry)))
  await assert.rejects(readAll(await replaced('{"kind": ')), refused(/1f600\.json is not JSON/))
  await assert.rejects(readAll(await replaced('{"kind": "film"}')), refused(/1f600\.json: /))
})

test('samples that zeros in a shard hide are missed, and no pixels are kept of what is left', async () => {
  const dir = await changed((all) => all)
  const bytes = await readFile(join(dir, clips))
  const second = bytes.indexOf('2764.webp')
  assert.ok(second > 0)
  await writeFile(join(dir, clips), bytes.fill(0, second))
  await assert.rejects(readAll(dir), refused(/^fluent-clips-00000\.tar: 1 of 2 samples can be read$/))
  const cacheDir = join(root, 'zero-cache')
  const load = () => loadClips(dir, { cacheDir })
  await assert.rejects(load(), refused(/^fluent-clips-00000\.tar: its content is not what dataset\.json says/))
  await cp(join(whole, clips), join(dir, clips))
  const { count, close } = await load()
  close()
  assert.equal(count, 2)
})

test('a reader may stop before a shard ends', async () => {
  for await (const { key } of readShards(whole)) {
    assert.equal(key, '1f600')
    break
  }
})

test('a picture of another size than its metadata says, or of more frames, is refused', async () => {
  const claim = (key: string, value: number) =>
    changed((all) => {
      const meta = JSON.parse(new TextDecoder().decode(all[1].bytes))
      all[1].bytes = text(JSON.stringify({ ...meta, [key]: value }))
      return all
    })
  await assert.rejects(readAll(await claim('width', 32)), refused(/1f600\.webp: is 16×16, its metadata says 32×16/))
  await assert.rejects(
    readAll(await claim('frames', 1e10)),
    refused(/1f600\.webp: 10000000000 frames of 16×16 are more than/),
  )
  await assert.rejects(readAll(await claim('frames', 2)), refused(/\d frames of 16×16 are more than 512 pixels/))
})

test('inspection finds every damage, passes it over, and counts what is whole', async () => {
  const dir = await changed((all) => {
    all[0].bytes = all[0].bytes.subarray(0, 150)
    return all
  })
  const { damage, samples, kinds } = await inspectDataset(dir)
  assert.deepEqual([samples, kinds], [2, { 'fluent clip': 1, 'fluent still': 1 }])
  assert.deepEqual(
    damage.map(({ shard, sample }) => [shard, sample]),
    [
      [clips, undefined],
      [clips, '1f600'],
    ],
  )
  assert.match(damage[0].reason, /SHA-256 differs/)
  assert.match(damage[1].reason, /1f600\.webp: damaged/)
  await truncate(join(dir, clips), 1024)
  const cut = await inspectDataset(dir)
  assert.equal(cut.samples, 1)
  assert.ok(cut.damage.some(({ reason }) => /cut short/.test(reason)))
  assert.ok(cut.damage.some(({ reason }) => reason === '0 of 2 samples can be read'))
  await rm(join(dir, clips))
  assert.ok((await inspectDataset(dir)).damage.some(({ reason }) => /no such file/.test(reason)))
})

test('a whole data set has no damage, and its contact sheet is a picture', async () => {
  const sheet = join(root, 'sheet.png')
  const found = await inspectDataset(whole, { sheet })
  assert.deepEqual(found.damage, [])
  assert.deepEqual([found.samples, found.frames, found.bytes], [3, 11, found.dataset.counts.bytes])
  assert.deepEqual([...(await readFile(sheet)).subarray(1, 4)], [...text('PNG')])
})

test('loaded clips are the pixels of the shards, in order, at any size, also from the cache', async () => {
  const cacheDir = join(root, 'cache')
  let decoded = 0
  const options = { cacheDir, onProgress: () => decoded++ }
  for (const round of ['decoded', 'cached']) {
    const loaded = await loadClips(whole, options)
    assert.deepEqual([loaded.count, loaded.frames, loaded.size], [2, 5, 16], round)
    let index = 0
    for await (const sample of readShards(whole, { kind: 'clip' })) {
      assert.deepEqual(loaded.samples[index], sample.meta)
      assert.deepEqual(loaded.pixels(index++), (await decodeSample(sample)).frames)
    }
    assert.throws(() => loaded.pixels(2), /a whole number from 0 to 1 \(got 2\)/)
    loaded.close()
  }
  assert.equal(decoded, 2)
  const small = await loadClips(whole, { cacheDir, size: 8, kind: 'still' })
  assert.deepEqual([small.count, small.frames, small.pixels(0).length], [1, 1, 8 * 8 * 4])
  small.close()
})

test('a cached file that was cut is decoded again; a filter that nothing fits is refused', async () => {
  const cacheDir = join(root, 'cut-cache')
  const first = await loadClips(whole, { cacheDir })
  const pixels = first.pixels(1)
  first.close()
  const { readdir } = await import('node:fs/promises')
  const raw = (await readdir(cacheDir)).find((name) => name.endsWith('.rgba'))
  await truncate(join(cacheDir, raw!), 100)
  const again = await loadClips(whole, { cacheDir })
  assert.deepEqual(again.pixels(1), pixels)
  again.close()
  await assert.rejects(loadClips(whole, { cacheDir, styles: ['noto'] }), refused(/holds no clip of the styles/))
})

test('a folder without an index, and an index that does not fit, are refused', async () => {
  await assert.rejects(readAll(join(root, 'absent')), refused(/dataset\.json: no such file/))
  const dir = join(root, 'bad-index')
  await cp(whole, dir, { recursive: true })
  const index = JSON.parse(await readFile(join(dir, 'dataset.json'), 'utf8'))
  index.shards[0].file = '../../etc/passwd'
  await writeFile(join(dir, 'dataset.json'), JSON.stringify(index))
  await assert.rejects(readAll(dir), refused(/dataset\.json: shards\.0\.file/))
})

test('members are grouped by key as WebDataset does, whatever else stands between samples', async () => {
  const file = join(root, 'foreign.tar')
  const names = ['a.webp', 'a.json', 'a.txt', 'b.json', 'b.webp', 'README']
  await writeTar(
    file,
    names.map((name) => ({ name, bytes: text(name) })),
  )
  const groups = []
  for await (const { key, parts } of readMembers(file)) groups.push([key, [...parts.keys()]])
  assert.deepEqual(groups, [
    ['a', ['webp', 'json', 'txt']],
    ['b', ['json', 'webp']],
    ['README', ['']],
  ])
  assert.throws(() => parseSample({ key: 'README', parts: new Map() }, file), refused(/README has no webp/))
})
