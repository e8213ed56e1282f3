import assert from 'node:assert/strict'
import { readdir, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { scratchFolder } from '../../test/cli.ts'
import { assertClose } from '../../test/close.ts'
import { generator } from '../../test/draw.ts'
import { randomised } from '../../test/model.ts'
import { tinyVae } from '../../test/tiny-model.ts'
import { clipBatch } from '../data/clip-batch.ts'
import { input } from '../graph/index.ts'
import { vae, vaeConfig } from '../models/vae.ts'
import { videoEncoder } from '../models/video-vae.ts'
import { params } from '../nn/index.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { encodeLatents, type LatentSource, latentStatistics, pictureLatents, videoLatents } from './latents.ts'

const folder = await scratchFolder()
const runtime = nodeRuntime({ threads: 1 })
const p = params()
const mean = videoEncoder(p.at('encoder'), tinyVae)(input('clip', [1, 3, 4, 32, 32])).mean
const weights = randomised(p)

/** Clips of noise, which counts how often each is read. */
function source(count = 3, key = 'k') {
  const read = new Array<number>(count).fill(0)
  const pixels = (i: number) => {
    read[i]++
    const uniform = generator(i + 1)
    return Uint8Array.from({ length: 3 * 32 * 32 * 4 }, () => 256 * uniform())
  }
  return { read, count, key, frames: 3, size: 32, pixels } satisfies LatentSource & { read: number[] }
}

const encoder = (hash = 'h', cacheDir = join(folder, 'cache')) => ({
  runtime,
  network: videoLatents(tinyVae),
  weights,
  hash,
  cacheDir,
})

test('latents are the means that the encoder gives for each clip', async () => {
  const clips = source()
  const cache = await encodeLatents(clips, encoder())
  assert.deepEqual(cache.shape, [4, 2, 2, 2])
  const program = await runtime.load({ mean }, { constants: weights })
  for (const i of [2, 0, 1]) {
    const { mean: want } = await program.run({ clip: clipBatch(clips, [i], { seed: 0, step: 0 }) })
    assertClose(cache.latents(i), want, 1e-6, `clip ${i}`)
  }
  await program.release()
  cache.close()
})

test('pictures become the means of an AutoencoderKL', async () => {
  const config = vaeConfig({
    ...{ in_channels: 4, out_channels: 4, latent_channels: 3, block_out_channels: [8, 8], norm_num_groups: 4 },
    ...{ down_block_types: ['DownEncoderBlock2D', 'DownEncoderBlock2D'] },
    up_block_types: ['UpDecoderBlock2D', 'UpDecoderBlock2D'],
  })
  const own = params()
  const z = vae(own, config).encode(input('x', [1, 4, 32, 32])).mean
  const constants = randomised(own)
  const pictures = {
    ...source(),
    frames: 1,
    pixels: (i: number) =>
      source()
        .pixels(i)
        .subarray(0, 4 * 32 * 32),
  }
  const store = { hash: 'kl', cacheDir: join(folder, 'kl') }
  const cache = await encodeLatents(pictures, {
    runtime,
    network: pictureLatents(config),
    weights: constants,
    ...store,
  })
  assert.deepEqual(cache.shape, [3, 16, 16])
  const program = await runtime.load({ z }, { constants })
  const { z: want } = await program.run({ x: clipBatch(pictures, [1], { seed: 0, step: 0 }) })
  assertClose(cache.latents(1), want, 1e-6, 'picture 1')
  await program.release()
  cache.close()
})

test('the second time no clip is read; other clips, weights or counts have their own file', async () => {
  ;(await encodeLatents(source(), encoder())).close()
  const again = source()
  ;(await encodeLatents(again, encoder())).close()
  assert.deepEqual(again.read, [0, 0, 0])
  for (const [other, made] of [
    [source(3, 'other'), encoder()],
    [source(3), encoder('other')],
    [source(2), encoder()],
  ] as const) {
    ;(await encodeLatents(other, made)).close()
    assert.ok(other.read.every((times) => times === 1))
  }
})

test('a file that was cut short is written again', async () => {
  const cacheDir = join(folder, 'cut')
  const first = await encodeLatents(source(), encoder('h', cacheDir))
  const want = first.latents(2)
  first.close()
  const [name] = await readdir(cacheDir)
  await truncate(join(cacheDir, name), 100)
  const second = await encodeLatents(source(), encoder('h', cacheDir))
  assert.deepEqual(second.latents(2), want)
  await truncate(join(cacheDir, name), 300)
  assert.throws(() => second.latents(2), /ends within clip 2; remove it/)
  second.close()
})

test('statistics are mean and deviation of each channel over all clips and places', async () => {
  const cache = await encodeLatents(source(), encoder())
  const statistics = await latentStatistics(source(), encoder())
  for (let c = 0; c < 4; c++) {
    const values = [0, 1, 2].flatMap((i) => [...cache.latents(i).subarray(c * 8, (c + 1) * 8)])
    const average = values.reduce((a, b) => a + b) / values.length
    const deviation = Math.sqrt(values.reduce((sum, v) => sum + (v - average) ** 2, 0) / values.length)
    assertClose([statistics.mean[c], statistics.std[c]], [average, deviation], 1e-6, `channel ${c}`)
  }
  cache.close()
})

test('what cannot be encoded is told: a size, a missing weight, an index', async () => {
  await assert.rejects(encodeLatents({ ...source(), size: 40 }, encoder()), /height and width must be multiples of 16/)
  await assert.rejects(encodeLatents({ ...source(), frames: 4 }, encoder()), /frames must be odd/)
  const { 'encoder.proj_out.bias': _, ...rest } = weights
  const lacking = { ...encoder('lacking'), weights: rest }
  await assert.rejects(encodeLatents(source(), lacking), /weights lack 'encoder\.proj_out\.bias'/)
  const cache = await encodeLatents(source(), encoder())
  for (const index of [-1, 3, 0.5]) assert.throws(() => cache.latents(index), /index must be from 0 to 2/)
  cache.close()
})
