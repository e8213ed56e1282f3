import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { scratchFolder } from '../../test/cli.ts'
import { tinyModelFiles, writeTinyModel } from '../../test/tiny-model.ts'
import { partFiles, readPart } from './model-folder.ts'

const folder = await scratchFolder()

test('a part is its class, its config and all its weights, with the folder to name in errors', async () => {
  const model = await writeTinyModel(join(folder, 'model'))
  const vae = await readPart(model, 'vae', 'VideoVae')
  assert.deepEqual([vae.className, vae.folder], ['VideoVae', join(model, 'vae')])
  assert.deepEqual(vae.config, JSON.parse(String(tinyModelFiles()['vae/config.json'])))
  assert.deepEqual(vae.arrays['encoder.proj_out.bias'].shape, [8])
  const clip = await readPart(model, 'text_encoder', 'CLIPModel') // named by `architectures`
  assert.ok(clip.arrays['text_model.final_layer_norm.weight'])
})

test('a part of another class, or of none, is refused', async () => {
  const part = async (name: string, config: string) => {
    await mkdir(join(folder, 'parts', name), { recursive: true })
    await writeFile(join(folder, 'parts', name, 'config.json'), config)
    return readPart(join(folder, 'parts'), name, 'VideoVae')
  }
  await assert.rejects(part('a', '{"_class_name":"DiT"}'), {
    code: 'input',
    message: /a: holds a DiT, not a VideoVae$/,
  })
  const none = { code: 'input', message: /holds a model without a class name, not a VideoVae/ }
  for (const config of ['{}', 'null', '3', '[]', '{"architectures":7}']) await assert.rejects(part('b', config), none)
  await assert.rejects(part('c', '{"_class_name":"VideoVae"}'), /c: no model\.safetensors/)
})

test('the files of parts are copied by path, as they are', async () => {
  const model = await writeTinyModel(join(folder, 'whole'))
  const files = await partFiles(model, ['tokenizer', 'scheduler'])
  const want = Object.entries(tinyModelFiles()).filter(([path]) => /^(tokenizer|scheduler)\//.test(path))
  assert.deepEqual(Object.keys(files).sort(), want.map(([path]) => path).sort())
  for (const [path, content] of want) assert.equal(new TextDecoder().decode(files[path]), content)
})
