import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { scratchFolder } from '../../test/cli.ts'
import { assertClose } from '../../test/close.ts'
import { generator } from '../../test/draw.ts'
import { tinyVae, writeTinyModel } from '../../test/tiny-model.ts'
import { clipBatch } from '../data/clip-batch.ts'
import { input } from '../graph/index.ts'
import { videoDecoder, videoEncoder } from '../models/video-vae.ts'
import { params } from '../nn/index.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { clipFromPlanes } from './frames.ts'
import { readPart } from './model-folder.ts'
import { enlarge, reconstructor } from './reconstruct.ts'
import { weightsFor } from './weights.ts'

const folder = await scratchFolder()
const runtime = nodeRuntime({ threads: 1 })
const uniform = generator(1)
const noise = (size: number, count = 5) => ({
  frames: Uint8Array.from({ length: count * size * size * 4 }, () => 256 * uniform()),
  ...{ count, width: size, height: size, fps: 7 },
})

test('a clip comes back as decoder and encoder give it, at the size of the model and at its own speed', async () => {
  const vae = await readPart(await writeTinyModel(join(folder, 'model')), 'vae', 'VideoVae')
  const loaded = await reconstructor(vae, { size: 32, frames: 5 }, runtime)
  const p = params()
  const { mean } = videoEncoder(p.at('encoder'), tinyVae)(input('clip', [1, 5, 4, 32, 32]))
  const y = videoDecoder(p.at('decoder'), tinyVae)(mean)
  const program = await runtime.load({ y }, { constants: weightsFor(p, vae.arrays) })
  const clip = noise(32)
  const set = { count: 1, frames: 5, size: 32, pixels: () => clip.frames }
  const planes = (await program.run({ clip: clipBatch(set, [0], { seed: 0, step: 0 }) })).y as Float32Array
  const want = clipFromPlanes(planes, { size: { width: 32, height: 32 }, fps: 7 })
  assert.deepEqual(await loaded.reconstruct(clip), want)
  const small = await loaded.reconstruct(noise(20))
  assert.deepEqual([small.width, small.height, small.count, small.fps], [32, 32, 5, 7])
  await assert.rejects(loaded.reconstruct(noise(32, 3)), /square and of 5 frames \(got 3 of 32 × 32\)/)
  await program.release()
  await loaded.release()
})

test('enlarging keeps planes that are even or rise evenly, and their mean', () => {
  const ramp = Float32Array.from({ length: 2 * 16 }, (_, i) => (i < 16 ? 0.25 : (i % 4) / 4))
  const out = new Float32Array(2 * 64)
  enlarge(ramp, out, { from: 4, size: 8 })
  assert.ok(out.subarray(0, 64).every((x) => x === 0.25))
  // Centres of the pixels lie at −1/4, 1/4, 3/4 … of the old ones; the ends stay as they are.
  assertClose(out.subarray(64, 72), [0, 0.0625, 0.1875, 0.3125, 0.4375, 0.5625, 0.6875, 0.75], 1e-6, 'a row')
  const random = Float32Array.from({ length: 16 }, () => uniform())
  const large = new Float32Array(256)
  enlarge(random, large, { from: 4, size: 16 })
  const mean = (values: Float32Array) => values.reduce((a, b) => a + b) / values.length
  assert.ok(Math.abs(mean(large) - mean(random)) < 1e-6)
})
