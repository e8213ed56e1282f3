import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runCli, scratchFolder } from '../../test/cli.ts'
import { startCli } from '../../test/cli-process.ts'
import { writeTinyData } from '../../test/tiny-data.ts'
import { writeTinyModel } from '../../test/tiny-model.ts'
import { readSafetensors } from '../files/checkpoint.ts'
import { recipeNames } from './recipe-file.ts'

process.env.TUBELET_CACHE = await scratchFolder()
const cwd = fileURLToPath(new URL('../..', import.meta.url))

/** These fetch digits, or first encode or draw clips, which takes minutes; tests of their parts stand beside those. */
const slow = ['ddpm-mnist', 'emoji-decoder', 'emoji-dit', 'emoji-latent-diffusion', 'emoji-video']

for (const name of (await recipeNames()).filter((name) => !slow.includes(name)))
  test(`${name} begins on the data that comes with the repository`, async () => {
    const { code, out, err } = await runCli(['train', name, '--dry-run', '--json'], { cwd })
    assert.equal(code, 0, err)
    const { parameters, flops, steps } = JSON.parse(out)
    assert.ok(parameters > 1e5 && flops > 1e9 && steps >= 100, out)
  })

test('a run may be one step long', async () => {
  const { code, out, err } = await runCli(['train', 'emoji-navit', '--steps', '1', '--dry-run', '--json'], { cwd })
  assert.equal(code, 0, err)
  assert.equal(JSON.parse(out).steps, 1)
})

test('in another folder a recipe takes the data and the model that come with the package', async () => {
  const elsewhere = await scratchFolder()
  for (const args of [
    ['recipes/emoji-vit.ts'],
    ['emoji-clip', '--from', 'models/emoji-video'],
    ['captioner', '-m', 'emoji-video'],
  ]) {
    const child = startCli(['train', ...args, '--dry-run'], { cwd: elsewhere })
    assert.equal(await child.ended, 0, child.err())
  }
})

test('the decoder learns from what the transformer of a model draws, and the encoder stays as it is', async () => {
  const folder = await scratchFolder()
  const data = await writeTinyData(join(folder, 'data'))
  const model = await writeTinyModel(join(folder, 'model'))
  const flags = ['--data', data, '-m', model, '--steps', '2', '-o', join(folder, 'runs'), '--json']
  const { code, out, err } = await runCli(['train', 'emoji-decoder', ...flags], { cwd })
  assert.equal(code, 0, err)
  const { run } = JSON.parse(out)
  const { arrays } = await readSafetensors(join(run, 'checkpoints/step-000002/vae/diffusion_pytorch_model.safetensors'))
  const before = (await readSafetensors(join(model, 'vae/diffusion_pytorch_model.safetensors'))).arrays
  assert.deepEqual(Object.keys(arrays).sort(), Object.keys(before).sort())
  const moved = Object.keys(arrays).filter((name) => {
    const [now, then] = [arrays[name].data, before[name].data].map((a) => Float32Array.from(a as Float32Array))
    return now.some((v, i) => Math.abs(v - then[i]) > 1e-3 * Math.abs(then[i]) + 1e-6) // more than 16 bits round
  })
  assert.ok(moved.includes('decoder.conv_out.weight'), moved.join())
  assert.deepEqual(
    moved.filter((name) => !name.startsWith('decoder.')),
    [],
  )
})
