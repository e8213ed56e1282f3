import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runCli, scratchFolder } from '../../test/cli.ts'
import { startCli } from '../../test/cli-process.ts'
import { recipeNames } from './recipe-file.ts'

process.env.TUBELET_CACHE = await scratchFolder()
const cwd = fileURLToPath(new URL('../..', import.meta.url))

/** These fetch digits, or first encode all clips, which takes minutes; tests of their parts stand beside those. */
const slow = ['ddpm-mnist', 'emoji-dit', 'emoji-latent-diffusion', 'emoji-video']

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
