import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { scratchFolder } from '../../test/cli.ts'
import { assertClose } from '../../test/close.ts'
import { randomised } from '../../test/model.ts'
import { vae, vaeConfig } from '../models/vae.ts'
import { params } from '../nn/index.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { encodedPictures, framePictures, readPictureVae } from './encoded-pictures.ts'
import { latentsToPixels } from './latents-to-pixels.ts'

process.env.TUBELET_CACHE = join(await scratchFolder(), 'cache')
const runtime = nodeRuntime({ threads: 1 })

/** Three clips of five frames whose pixels tell clip and frame. */
const clips = {
  ...{ count: 3, frames: 5, size: 4, key: 'clips' },
  pixels: (i: number) => Uint8Array.from({ length: 5 * 64 }, (_, at) => 50 * i + Math.floor(at / 64)),
}

const json = {
  ...{ in_channels: 4, out_channels: 4, latent_channels: 2, block_out_channels: [8, 8], norm_num_groups: 4 },
  ...{ down_block_types: ['DownEncoderBlock2D', 'DownEncoderBlock2D'] },
  up_block_types: ['UpDecoderBlock2D', 'UpDecoderBlock2D'],
  ...{ scaling_factor: 2, shift_factor: 0.5 },
}
const p = params()
vae(p, vaeConfig(json))
const weights = randomised(p) as Record<string, Float32Array>
const arrays = Object.fromEntries(
  [...p.all.values()].map(({ name, tensor }) => [name, { data: weights[name], shape: tensor.shape }]),
)
const part = (config: object) => ({ folder: 'vae', className: 'AutoencoderKL', config, arrays })

test('every second frame of each clip is a picture that knows its clip', () => {
  const pictures = framePictures(clips, 2)
  assert.deepEqual([pictures.count, pictures.frames], [9, 1])
  assert.deepEqual(
    Array.from({ length: 9 }, (_, i) => [pictures.clipOf(i), pictures.pixels(i)[0], pictures.pixels(i).length]),
    [0, 1, 2].flatMap((clip) => [0, 2, 4].map((frame) => [clip, 50 * clip + frame, 64])),
  )
  assert.notEqual(pictures.key, framePictures(clips, 4).key)
})

const bare = { ...json, scaling_factor: 1, shift_factor: 0 }
const statistics = { latents_mean: [0.25, -1], latents_std: [0.5, 4] }
const seenBy: Record<string, [config: object, seen: (z: number, channel: number) => number]> = {
  'less their shift, times their scale': [json, (z) => 2 * (z - 0.5)],
  'less the mean, by the deviation of their channel': [
    { ...json, ...statistics },
    (z, c) => (2 * (z - statistics.latents_mean[c])) / statistics.latents_std[c],
  ],
  'less their shift where one half of the statistics is null': [
    { ...json, ...statistics, latents_mean: null },
    (z) => 2 * (z - 0.5),
  ],
}
for (const [how, [config, see]] of Object.entries(seenBy))
  test(`pictures are encoded to what the denoiser sees, and decoded from it: latents ${how}`, async () => {
    const pictures = framePictures(clips, 4)
    const seen = await encodedPictures(pictures, { vae: part(config), runtime })
    assert.deepEqual([seen.count, seen.shape], [6, [2, 2, 2]])
    const plain = await encodedPictures(pictures, { vae: part(bare), runtime })
    assertClose(
      seen.pixels,
      plain.pixels.map((z, i) => see(z, (i >> 2) % 2)),
      1e-6,
      'seen',
    )
    const [one, other] = await Promise.all([config, bare].map((c) => latentsToPixels(runtime, part(c), 4)))
    const decoded = await one.pixels(seen.pixels.slice(0, 8))
    assertClose(decoded, await other.pixels(plain.pixels.slice(0, 8)), 1e-5, 'decoded')
    await Promise.all([one.release(), other.release()])
  })

test('statistics of another number of channels are refused', () => {
  assert.throws(() => vaeConfig({ ...json, ...statistics, latents_std: [1] }), {
    code: 'input',
    message: /'latents_std' is \[1\]; it must be a list of 2 numbers/,
  })
})

test('where no autoencoder is, the way to one is told', async () => {
  await assert.rejects(readPictureVae('nowhere'), {
    code: 'usage',
    message: /^nowhere: no autoencoder there; train one with 'tubelet train emoji-kl-f4'/,
  })
})
