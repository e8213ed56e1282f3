import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { scratchFolder } from '../../test/cli.ts'
import { tinyModelFiles, writeTinyModel } from '../../test/tiny-model.ts'
import type { TubeletError } from '../errors.ts'
import { nodeRuntime } from '../runtime/node.ts'
import type { Program, Runtime } from '../runtime/runtime.ts'
import { textToVideo } from './open-text-to-video.ts'

const folder = await scratchFolder()
const files = tinyModelFiles()
let count = 0

/** The error of opening the tiny model with some files changed; every program that was loaded must be released. */
async function errorOf(changed: Readonly<Record<string, string | Uint8Array | undefined>>): Promise<TubeletError> {
  const path = await writeTinyModel(join(folder, `${count++}`), changed)
  const open = new Set<Program>()
  const inner = nodeRuntime({ threads: 1 })
  const runtime: Runtime = {
    ...inner,
    async load(outputs, options) {
      const program = await inner.load(outputs, options)
      open.add(program)
      return { ...program, release: async () => void open.delete(program) }
    },
  }
  try {
    await textToVideo(path, runtime)
  } catch (error) {
    assert.equal(open.size, 0, 'a program is left open')
    return error as TubeletError
  }
  return assert.fail('the folder was taken')
}

const changed = (path: string, change: object) => ({
  [path]: JSON.stringify({ ...JSON.parse(String(files[path])), ...change }),
})

async function refused(what: Readonly<Record<string, string | Uint8Array | undefined>>, message: RegExp) {
  const error = await errorOf(what)
  assert.equal(error.code, 'input', `${error.name}: ${error.message}`)
  assert.match(error.message, message)
  assert.ok(!error.message.includes('\n'))
}

test('sizes that cannot be drawn are refused before anything is built', async () => {
  const index = (change: object) => changed('model_index.json', change)
  await refused(index({ size: 1_000_000 }), /model_index\.json: 5 frames of 1000000 × 1000000 are more than/)
  await refused(index({ size: 1e300 }), /model_index\.json: size: /)
  await refused(index({ size: 40 }), /size: must be a multiple of 16/)
  await refused(index({ size: 0 }), /size: Too small/)
  await refused(index({ size: -32 }), /size: /)
  await refused(index({ size: '32' }), /size: Invalid input: expected number, received string/)
  await refused(index({ frames: 4 }), /frames: must be odd/)
  await refused(index({ frames: 1e9 + 1 }), /1000000001 frames of 32 × 32 are more than/)
  await refused(index({ frames: -1 }), /frames: /)
  await refused(index({ fps: 0 }), /fps: Too small/)
  await refused(index({ fps: null }), /fps: /)
  await refused(index({ known_words: 'heart' }), /known_words: Invalid input: expected array/)
  await refused({ 'model_index.json': '[]' }, /model_index\.json: the file: Invalid input: expected object/)
  await refused({ 'model_index.json': 'null' }, /model_index\.json: the file: /)
})

test('a part that is missing is named with its path', async () => {
  for (const path of Object.keys(files).filter((path) => path !== 'tokenizer/tokenizer_config.json')) {
    const [part] = path.split('/')
    await refused(
      { [path]: undefined },
      path.endsWith('.safetensors') ? new RegExp(`${part}: no model`) : new RegExp(path),
    )
  }
})

test('a part that is damaged is named with what is wrong', async () => {
  for (const [path, content] of Object.entries(files)) {
    if (path === 'tokenizer/tokenizer_config.json') continue // for Python's readers
    if (path.endsWith('.json')) {
      await refused({ [path]: String(content).slice(0, -2) }, new RegExp(`${path}: not valid JSON`))
      if (path !== 'model_index.json') await refused({ [path]: '{}' }, /./) // where every setting has a default
      await refused({ [path]: 'null' }, /./)
    } else {
      const bytes = content as Uint8Array
      await refused({ [path]: bytes.subarray(0, bytes.length - 9) }, /not a usable safetensors file/)
      await refused({ [path]: new Uint8Array(64).fill(255) }, /not a usable safetensors file/)
      await refused({ [path]: new Uint8Array(0) }, /not a usable safetensors file/)
    }
  }
})

test('parts that do not fit each other are told apart', async () => {
  const wan = (change: object) => changed('transformer/config.json', change)
  await refused(
    wan({ in_channels: 8 }),
    /transformer: goes from 8 to 4 channels; the autoencoder has 4, and places 14 more/,
  )
  await refused(wan({ text_dim: 12 }), /transformer: reads text of width 12; the text encoder gives 32/)
  await refused(wan({ patch_size: [1, 3, 3] }), /patches of 1 × 3 × 3.*; latents of 3 × 2 × 2 cannot be cut so/)
  await refused(wan({ num_layers: 3 }), /transformer: tensor 'blocks\.2\..*' is missing/)
  await refused(wan({ num_layers: 1 }), /transformer: tensor 'blocks\.1\..*' belongs to no parameter/)
  await refused(
    wan({ ffn_dim: 40 }),
    /transformer: tensor 'blocks\.0\.ffn.*' is \[48, 32\]; the config asks for \[40, 32\]/,
  )
  await refused(wan({ num_layers: 1e9 }), /num_layers/)
  await refused(changed('vae/config.json', { channels: 3 }), /vae: draws 3 channels; a clip has 4/)
  await refused(
    changed('vae/config.json', { latents_std: [1] }),
    /'latents_std' is \[1\]; it must be a list of 4 numbers/,
  )
  await refused(changed('vae/config.json', { heads: 3 }), /width.*heads/)
  const clip = JSON.parse(String(files['text_encoder/config.json']))
  const text = { text_config: { ...clip.text_config, vocab_size: 280 } }
  await refused(changed('text_encoder/config.json', text), /text_encoder: reads 280 tokens .* the tokenizer has 281/)
  await refused(changed('transformer/config.json', { _class_name: 'DiT' }), /transformer: holds a DiT, not a WanTrans/)
  await refused({ 'vae/config.json': '[1]' }, /vae: holds a model without a class name, not a VideoVae/)
})

test('only a scheduler that follows a velocity is taken', async () => {
  const path = 'scheduler/scheduler_config.json'
  await refused({ [path]: '{"_class_name":"DDPMScheduler"}' }, /needs a FlowMatchEulerDiscreteScheduler, not a DDPM/)
  await refused({ [path]: '{"_class_name":"Nonsense"}' }, /_class_name must be/)
  await refused(changed(path, { use_dynamic_shifting: true }), /text-to-video does not support use_dynamic_shifting/)
  await refused(changed(path, { shift: 'much' }), /scheduler_config\.json: shift: /)
})
