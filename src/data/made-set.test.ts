import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { scratchFolder } from '../../test/cli.ts'
import { readSafetensors } from '../files/checkpoint.ts'
import { stream } from '../random.ts'
import type { BuildOptions } from './build-options.ts'
import { buildMade, type MadeSet } from './made-set.ts'
import { movingShapesSet, shapesSet } from './made-shapes.ts'
import { gaussianMixture, hillsOnCircle } from './mixture.ts'
import { writeMixture } from './mixture-file.ts'
import { captionMovingScene, type MovingScene, paintMovingScene } from './moving-shapes.ts'
import { captionFor, promptFor } from './prompts.ts'
import { captionShapes } from './shape-captions.ts'
import { paintShapes, placedShapes, type ShapeScene } from './shapes.ts'
import { decodeSample, readShards, type Sample } from './shards.ts'

const folder = await scratchFolder()

async function built(set: MadeSet, options: Omit<BuildOptions, 'out'>): Promise<Sample[]> {
  const out = join(folder, set.name)
  for await (const _ of buildMade(set, { out, quality: 'lossless', shardSamples: 25, ...options }));
  const samples: Sample[] = []
  for await (const sample of readShards(out)) samples.push(sample)
  return samples
}

/** Alpha where it is 0 hides a colour, which a codec may drop. */
const seen = (frames: Uint8Array) => frames.map((value, i) => (frames[i | 3] === 0 ? 0 : value))

test('shapes are stored as they are drawn, with the scene, captions in both languages and their shape as the group', async () => {
  const samples = await built(shapesSet({ count: 60, seed: 4 }), { size: 24 })
  assert.equal(samples.length, 60)
  for (const sample of samples) {
    const { labels, en, zh, group, subgroup } = sample.meta
    const scene = labels as unknown as ShapeScene
    const { frames } = await decodeSample(sample)
    assert.deepEqual(seen(frames), seen(paintShapes(placedShapes(scene), 24)))
    assert.deepEqual([en.label, ...en.tags], [captionShapes(scene, 'en', 'short'), captionShapes(scene, 'en', 'long')])
    assert.deepEqual([zh.label, ...zh.tags], [captionShapes(scene, 'zh', 'short'), captionShapes(scene, 'zh', 'long')])
    assert.deepEqual([group, subgroup], [scene[0].shape, scene[0].colour])
  }
  assert.ok(samples.some(({ meta }) => (meta.labels as unknown as ShapeScene).length === 2))
})

test('moving shapes are clips with their events; a scene told alike is in one part alone', async () => {
  const samples = await built(movingShapesSet({ count: 300, seed: 1 }), { size: 8, frames: 5 })
  const splits = new Map<string, string>()
  for (const sample of samples.slice(0, 30)) {
    const scene = sample.meta.labels as unknown as MovingScene
    const { frames, count, fps } = await decodeSample(sample)
    assert.equal(count, 5)
    assert.ok(Math.abs(fps - 12) < 1e-9)
    assert.deepEqual(seen(frames), seen(paintMovingScene(scene, { frames: 5, size: 8 })))
    assert.equal(sample.meta.zh.label, captionMovingScene(scene, 'zh', 'short'))
  }
  for (const { meta } of samples) {
    assert.equal(splits.get(meta.codePoint) ?? meta.split, meta.split)
    splits.set(meta.codePoint, meta.split)
  }
  const heldOut = samples.filter(({ meta }) => meta.split === 'held-out').length
  assert.ok(heldOut > 3 && heldOut < 40, `${heldOut}`)
})

test('prompts tell a scene in short or at length, and nothing else', () => {
  const [{ concept }] = shapesSet({ count: 1, seed: 2 }).samples
  const { label, tags } = concept.en
  const prompts = Array.from({ length: 20 }, (_, sample) =>
    promptFor(concept.en, 'en', { random: stream({ seed: 1, purpose: 'prompt', sample }) }),
  )
  assert.deepEqual(new Set(prompts), new Set([label, ...tags]))
  const long = captionFor(
    concept.zh,
    { language: 'zh', detail: 'long' },
    { random: stream({ seed: 1, purpose: 'x' }), fits: () => true },
  )
  assert.equal(long, concept.zh.tags[0])
})

test('another seed or number of shapes is another data set, and a count of none is refused', async () => {
  const out = join(folder, 'shapes')
  const again = buildMade(shapesSet({ count: 60, seed: 5 }), { out, size: 24, quality: 'lossless', shardSamples: 25 })
  await assert.rejects(async () => {
    for await (const _ of again);
  }, /holds a data set built with other options/)
  assert.throws(() => shapesSet({ count: 0, seed: 1 }), { code: 'usage', message: /count must be a whole number/ })
})

test('points of a mixture are stored with their density and score', async () => {
  const file = join(folder, 'points.safetensors')
  const mixture = gaussianMixture(hillsOnCircle(3))
  await writeMixture(file, mixture, { count: 40, seed: 2 })
  const { arrays, metadata } = await readSafetensors(file)
  const { x, score, log_density } = arrays
  assert.deepEqual([x.shape, score.shape, log_density.shape], [[40, 2], [40, 2], [40]])
  const step = 1e-3
  const points = x.data as Float32Array
  for (let n = 0; n < 40; n++)
    for (const d of [0, 1]) {
      const at = (sign: number) => {
        const moved = points.slice(2 * n, 2 * n + 2)
        moved[d] += sign * step
        return mixture.moments(moved, 1).logDensity[0]
      }
      const slope = (at(1) - at(-1)) / (2 * step)
      assert.ok(Math.abs(slope - (score.data as Float32Array)[2 * n + d]) < 0.02 * Math.abs(slope) + 0.1)
    }
  assert.deepEqual(JSON.parse(metadata.components), mixture.components)
})
