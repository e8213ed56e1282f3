import assert from 'node:assert/strict'
import { copyFile, cp, mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCli, scratchFolder } from '../../test/cli.ts'
import { casesFolder } from '../../test/parity/case.ts'

const scratch = await scratchFolder()

/** A copy of a stored case that a test may damage. */
async function copyOf(name: string, as: string): Promise<string> {
  const folder = join(scratch, as)
  await cp(join(casesFolder, name), folder, { recursive: true })
  return folder
}

const models = (await readdir(casesFolder, { withFileTypes: true }))
  .filter((entry) => entry.isDirectory() && entry.name !== 'schedulers')
  .map(({ name }) => name)
const schedulers = (await readdir(join(casesFolder, 'schedulers'))).map((name) => join('schedulers', name))

test('the 12 models and 3 schedulers of the first published classes are among the stored cases', () => {
  for (const name of [
    ...['clip_quick_gelu', 'clip_gelu', 'vit_classifier', 'resnet_basic', 'resnet_bottleneck', 'vgg', 'vivit'],
    ...['autoencoder_kl', 'unet2d_ddpm', 'dit', 'wan_transformer', 'wan_vae'],
    ...['flow_euler', 'ddim_sd', 'ddpm_fixed_small'].map((name) => join('schedulers', name)),
  ])
    assert.ok([...models, ...schedulers].includes(name), name)
})

for (const name of [...models, ...schedulers])
  test(`verify passes ${name} at 1e-5`, async () => {
    const { code, out, err } = await runCli(['verify', join(casesFolder, name), '--tolerance', '1e-5', '--json'])
    const { passed, tolerance, outputs } = JSON.parse(out)
    assert.deepEqual([code, err, passed, tolerance], [0, '', true, 1e-5])
    assert.ok(outputs.length > 0 && outputs.every(({ error }: { error: number }) => error < 1e-5))
  })

test('verify prints each output with its error, and ends with 10 where one is too large', async () => {
  const folder = join(casesFolder, 'autoencoder_kl')
  const passed = await runCli(['verify', folder])
  assert.equal(passed.code, 0)
  assert.match(passed.out, /^AutoencoderKL\noutput .*\ndecoded +\[2, 3, 32, 32\] +\d\.\de-\d\nlogvar .*\nmean /)
  assert.match(passed.out, /\npassed: no output is further off than 0\.0001\n$/)
  const failed = await runCli(['verify', folder, '--tolerance', '0'])
  assert.equal(failed.code, 10)
  assert.match(failed.out, /\nfailed: further off than 0: decoded, logvar, mean\n$/)
  const chinese = await runCli(['verify', folder, '--lang', 'zh'])
  assert.match(chinese.out, /通过：所有输出的误差都不超过 0\.0001/)
})

test('a number that is none fails, and is null for programs', async () => {
  const folder = await copyOf('vgg', 'nan')
  const file = join(folder, 'model.safetensors')
  const bytes = await readFile(file)
  bytes.writeFloatLE(Number.NaN, bytes.length - 4)
  await writeFile(file, bytes)
  const { code, out } = await runCli(['verify', folder, '--json'])
  assert.deepEqual([code, JSON.parse(out).passed, JSON.parse(out).outputs[0].error], [10, false, null])
})

test('what is missing or damaged is one sentence and exit code 3', async () => {
  const refuse = async (folder: string, message: RegExp) => {
    const { code, out, err } = await runCli(['verify', folder])
    assert.deepEqual([code, out], [3, ''])
    assert.match(err, message)
    assert.equal(err.trim().split('\n').length, 1, err)
  }
  await refuse(join(scratch, 'nowhere'), /cannot read .*nowhere: no such file or folder/)

  const bare = join(scratch, 'bare')
  await mkdir(bare)
  for (const file of ['config.json', 'expected.safetensors'])
    await copyFile(join(casesFolder, 'dit', file), join(bare, file))
  await refuse(bare, /no model\.safetensors or diffusion_pytorch_model\.safetensors in this folder/)

  const unanswered = join(scratch, 'unanswered')
  await mkdir(unanswered)
  for (const file of ['config.json', 'diffusion_pytorch_model.safetensors'])
    await copyFile(join(casesFolder, 'dit', file), join(unanswered, file))
  await refuse(unanswered, /unanswered: no expected\.safetensors in it, with the tensors input\.NAME/)
  await refuse('models/emoji-video', /models\/emoji-video: a whole pipeline; verify one of the folders in it/)

  const cut = await copyOf('dit', 'cut')
  await truncate(join(cut, 'diffusion_pytorch_model.safetensors'), 100_000)
  await refuse(cut, /diffusion_pytorch_model\.safetensors: /)

  const broken = await copyOf('dit', 'broken')
  await writeFile(join(broken, 'config.json'), '{ "_class_name": ')
  await refuse(broken, /config\.json: not valid JSON/)

  const unknown = await copyOf('dit', 'unknown')
  await writeFile(join(unknown, 'config.json'), '{ "_class_name": "FluxTransformer2DModel" }')
  await refuse(unknown, /'FluxTransformer2DModel' is not supported; these are: CLIPModel, .*WanTransformer3DModel/)

  const steps = await copyOf('schedulers/flow_euler', 'steps')
  await writeFile(join(steps, 'case.json'), '{ "steps": "ten" }')
  await refuse(steps, /case\.json: 'steps' is "ten"; it must be a whole number above 0/)
})
