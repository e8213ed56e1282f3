import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { scratchFolder } from '../../test/cli.ts'
import { generator } from '../../test/draw.ts'
import { tinyVae, writeTinyModel } from '../../test/tiny-model.ts'
import { clipBatch } from '../data/clip-batch.ts'
import { input } from '../graph/index.ts'
import { videoDecoder, videoEncoder } from '../models/video-vae.ts'
import { params } from '../nn/index.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { clipFromPlanes } from './frames.ts'
import { readPart } from './model-folder.ts'
import { reconstructor } from './reconstruct.ts'
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
