import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countingRuntime } from '../../test/counting-runtime.ts'
import { randomised } from '../../test/model.ts'
import type { NamedArrays } from '../files/arrays.ts'
import type { Clip } from '../files/clip.ts'
import { unet } from '../models/unet.ts'
import { unetTextConfig } from '../models/unet-config.ts'
import { vae, vaeConfig } from '../models/vae.ts'
import { type Params, params } from '../nn/index.ts'
import { stream } from '../random.ts'
import { nodeRuntime } from '../runtime/node.ts'
import type { Recipe } from './prompt-model.ts'
import type { TextEncoder } from './text-states.ts'
import { type ImageParts, imagePipeline } from './text-to-image.ts'

const runtime = nodeRuntime({ threads: 1 })

/** A text encoder that gives each prompt states of its own. */
const text = {
  ...{ length: 3, width: 8, tokenizer: { tail: () => '' } },
  async states(prompt: string) {
    return stream({ seed: 1, purpose: `states of ${prompt}` }).normal(24)
  },
  async release() {},
} as unknown as TextEncoder

function arraysOf(declare: (p: Params) => unknown): NamedArrays {
  const p = params()
  declare(p)
  const arrays = randomised(p)
  return Object.fromEntries(
    Array.from(p.all.values(), ({ name, tensor }) => [
      name,
      { data: arrays[name] as Float32Array, shape: tensor.shape },
    ]),
  )
}

const unetOf = (channels: number) => {
  const config = {
    ...{ _class_name: 'UNet2DConditionModel', in_channels: channels, out_channels: channels, cross_attention_dim: 8 },
    ...{ block_out_channels: [8, 16], layers_per_block: 1, norm_num_groups: 4, attention_head_dim: 2 },
    ...{
      down_block_types: ['DownBlock2D', 'CrossAttnDownBlock2D'],
      up_block_types: ['CrossAttnUpBlock2D', 'UpBlock2D'],
    },
  }
  const arrays = arraysOf((p) => unet(p, unetTextConfig(config)))
  return { folder: 'unet', className: 'UNet2DConditionModel', config, arrays }
}
const vaeJson = {
  ...{
    _class_name: 'AutoencoderKL',
    block_out_channels: [8, 8],
    latent_channels: 2,
    norm_num_groups: 4,
    layers_per_block: 1,
  },
  ...{ down_block_types: ['DownEncoderBlock2D', 'DownEncoderBlock2D'] },
  up_block_types: ['UpDecoderBlock2D', 'UpDecoderBlock2D'],
}
const autoencoder = {
  ...{ folder: 'vae', className: 'AutoencoderKL', config: vaeJson },
  arrays: arraysOf((p) => vae(p, vaeConfig(vaeJson))),
}
const scheduler = { _class_name: 'DDIMScheduler', beta_schedule: 'scaled_linear' }
const latent: ImageParts = { size: 16, text, unet: unetOf(2), scheduler, vae: autoencoder, words: ['a', 'red', 'star'] }
const pixel: ImageParts = { size: 16, text, unet: unetOf(3), scheduler }

const recipe = (prompt: string, more: Partial<Recipe> = {}): Recipe => ({
  ...{ prompt, negativePrompt: '', seed: 7, steps: 2, guidance: 3, ...more },
})

async function draw(parts: ImageParts, recipes: readonly Recipe[]): Promise<Clip[]> {
  const model = await imagePipeline(parts, runtime)
  const clips: Clip[] = []
  for await (const event of model.generate(recipes)) if (event.kind === 'clip') clips.push(event.clip)
  await model.release()
  return clips
}

for (const [name, parts] of Object.entries({ pixels: pixel, latents: latent }))
  test(`a prompt becomes a picture by way of ${name}, which follows prompt, seed, steps and guidance`, async () => {
    const recipes = [
      recipe('a red star'),
      recipe('a blue star'),
      recipe('a red star', { seed: 8 }),
      recipe('a red star', { steps: 3 }),
      recipe('a red star', { guidance: 1 }),
    ]
    const pictures = await draw(parts, recipes)
    for (const { width, height, count, frames } of pictures)
      assert.deepEqual([width, height, count, frames.length], [16, 16, 1, 16 * 16 * 4])
    assert.equal(new Set(pictures.map(({ frames }) => Buffer.from(frames).toString('base64'))).size, recipes.length)
    assert.deepEqual(await draw(parts, recipes.slice(1, 2)), pictures.slice(1, 2))
  })

test('words that the training did not teach are told', async () => {
  const model = await imagePipeline(latent, runtime)
  const run = model.generate([recipe('a red helicopter')])
  const { value } = await run.next()
  assert.deepEqual(value.kind === 'prompt' && value.unknown, ['helicopter'])
  await run.return(undefined)
  await model.release()
})

test('parts that do not fit each other are refused in words, and nothing stays loaded', async () => {
  const { runtime: counting, programs } = countingRuntime(runtime)
  const refuse = async (parts: Partial<ImageParts>, message: RegExp) => {
    await assert.rejects(imagePipeline({ ...latent, ...parts }, counting), { code: 'input', message })
    assert.equal(programs.loaded, 0)
  }
  await refuse({ unet: unetOf(3) }, /^unet: goes from 3 to 3 channels; the autoencoder has 2$/)
  await refuse({ vae: undefined }, /the pictures: 2 channels; a picture has 1, 3 or 4/)
  await refuse({ text: { ...text, width: 6 } }, /^unet: reads text of width 8; the text encoder gives 6$/)
  await refuse({ size: 15 }, /^vae: makes sides 2 times as long; 15 is no multiple of it$/)
  await refuse({ size: 6 }, /^unet: halves the sides 1 times; 3 × 3 cannot be halved so often$/)
  await refuse({ scheduler: { _class_name: 'PNDMScheduler' } }, /not PNDMScheduler/)
  await refuse(
    { vae: { ...autoencoder, arrays: {} } },
    /^vae: the config says layers_per_block 1, and the file has 0 tensors/,
  )
})
