import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { splitOf } from './code-points.ts'
import { type Dataset, readDataset } from './dataset.ts'
import { decodeSample, readShards, type Sample } from './shards.ts'

const dir = fileURLToPath(new URL('../../data/emoji-64', import.meta.url))
const samples: Sample[] = []
let dataset: Dataset
before(async () => {
  dataset = await readDataset(dir)
  for await (const sample of readShards(dir)) samples.push(sample)
})

test('the shipped shards are those of their index and take at most 20 MB', async () => {
  let bytes = 0
  for (const file of await readdir(dir, { recursive: true })) bytes += (await stat(join(dir, file))).size
  assert.ok(bytes <= 20e6, `${bytes}`)
  for (const { file, sha256 } of dataset.shards) {
    assert.equal(
      createHash('sha256')
        .update(await readFile(join(dir, file)))
        .digest('hex'),
      sha256,
    )
  }
})

test('all 734 tone-less animated emoji are there, 17 frames of 64×64, each concept once', () => {
  assert.equal(samples.length, 734)
  assert.equal(new Set(samples.map(({ meta }) => meta.codePoint)).size, 734)
  for (const { meta } of samples) {
    assert.deepEqual([meta.kind, meta.frames, meta.width, meta.height], ['clip', 17, 64, 64])
    assert.ok(Math.abs((17 * 1000) / meta.fps - meta.durationMs) < 1e-6)
  }
})

test('every clip has words in English and in Chinese', () => {
  for (const { key, meta } of samples) {
    assert.match(meta.en.label, /[a-z]/i, key)
    // One label is 'OK', in Chinese too.
    assert.match([meta.zh.label, ...meta.zh.tags].join(' '), /\p{Script=Han}/u, key)
    assert.ok(meta.en.tags.length > 0 && meta.zh.tags.length > 0, key)
    assert.ok(meta.en.group && meta.zh.group, key)
  }
})

test('5 % of the concepts are held out, those that their key says', () => {
  const heldOut = samples.filter(({ meta }) => meta.split === 'held-out')
  assert.ok(heldOut.length >= 30 && heldOut.length <= 45, `${heldOut.length}`)
  for (const { meta } of samples) assert.equal(meta.split, splitOf(meta.codePoint))
})

test('clips decode, most of them move, and the loop closes: last to first is no larger a step than others', async () => {
  let moving = 0
  let closed = 0
  const some = samples.filter((_, i) => i % 37 === 0)
  for (const sample of some) {
    const { frames, count } = await decodeSample(sample)
    assert.equal(count, 17)
    const bytes = frames.length / count
    const step = (k: number) => {
      let sum = 0
      const next = ((k + 1) % count) * bytes
      for (let i = 0; i < bytes; i++) sum += Math.abs(frames[k * bytes + i] - frames[next + i])
      return sum / bytes
    }
    const steps = Array.from({ length: count }, (_, k) => step(k))
    if (Math.max(...steps) > 1) moving++
    if (steps[16] <= Math.max(...steps.slice(0, 16)) * 1.05) closed++
  }
  assert.ok(moving >= some.length * 0.9, `${moving} of ${some.length} move`)
  assert.ok(closed >= some.length * 0.95, `${closed} of ${some.length} close`)
})

test('edges have no dark fringe: half-seen pixels are nearly as bright as what they border', async () => {
  const heart = samples.find(({ meta }) => meta.codePoint === '1f49b')! // yellow heart
  const { frames } = await decodeSample(heart)
  const red = (from: number, to: number) => {
    const values = []
    for (let i = 0; i < frames.length; i += 4) if (frames[i + 3] >= from && frames[i + 3] <= to) values.push(frames[i])
    return values.reduce((a, b) => a + b, 0) / values.length
  }
  assert.ok(red(32, 200) > 0.85 * red(255, 255), `${red(32, 200)} beside ${red(255, 255)}`)
})
