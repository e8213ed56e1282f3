import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { scratchFolder } from '../../test/cli.ts'
import { assertClose } from '../../test/close.ts'
import { writeTinyData } from '../../test/tiny-data.ts'
import { writeTinyModel } from '../../test/tiny-model.ts'
import { schedulerFromConfig } from '../diffusion/scheduler.ts'
import { readSafetensors } from '../files/checkpoint.ts'
import { modelFile } from '../files/model-file.ts'
import { stream } from '../random.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { drawnLatents } from './drawn-latents.ts'
import { latentSet, normalised } from './latent-set.ts'

const root = await scratchFolder()
process.env.TUBELET_CACHE = join(root, 'cache')
const runtime = nodeRuntime({ threads: 1 })
const data = await writeTinyData(join(root, 'data'))
const pictures = await writeTinyData(join(root, 'pictures'), { kind: 'still', frames: 1 })
const model = await writeTinyModel(join(root, 'model'))
const set = await latentSet(data, { kind: 'clip', model, runtime, variants: 1, promptsEach: 3 })
const usual = { model, runtime, pass: 0, frames: 3 }

/** The tiny model with a transformer that moves nothing, so that what is drawn stays where it began. */
async function motionless(): Promise<string> {
  const file = 'transformer/diffusion_pytorch_model.safetensors'
  const { arrays } = await readSafetensors(join(model, file))
  for (const name of ['proj_out.weight', 'proj_out.bias']) (arrays[name].data as Float32Array).fill(0)
  return writeTinyModel(join(root, 'motionless'), { [file]: modelFile(arrays, 'F32') })
}

test('what is drawn begins with noise, or with the latents of its own drawing under that of the second or third time', async () => {
  const still = await motionless()
  const { timesteps } = schedulerFromConfig(
    JSON.parse(await readFile(join(still, 'scheduler/scheduler_config.json'), 'utf8')),
    8,
  )
  const times = timesteps.slice(0, 3).map((t) => t / 1000)
  const begun = new Set<number>()
  for (const pass of [5, 6]) {
    const latents = await drawnLatents(set, { ...usual, model: still, pass })
    assert.deepEqual([latents.count, latents.shape], [4, [4, 3, 2, 2]])
    for (let i = 0; i < 4; i++) {
      const x = latents.latents(i)
      const x0 = normalised(set, i, [0, 1, 2])
      const noise = stream({ seed: pass, purpose: 'drawn latents', sample: i }).normal(x0.length)
      const off = (t: number) => Math.max(...x.map((v, j) => Math.abs(v - (1 - t) * x0[j] - t * noise[j])))
      const nearest = times.reduce((a, b) => (off(a) < off(b) ? a : b))
      assert.ok(off(nearest) < 1e-5, `${i}: ${off(nearest)}`)
      begun.add(nearest)
    }
    latents.close()
  }
  assert.equal(begun.size, 3)
})

test('the last frame of stills is repeated', async () => {
  const stills = await latentSet(pictures, { kind: 'still', model, runtime, variants: 0, hold: 3, promptsEach: 3 })
  const latents = await drawnLatents(stills, { ...usual, model: await motionless(), frames: 4 })
  assert.deepEqual(latents.shape, [4, 4, 2, 2])
  const noise = stream({ seed: 0, purpose: 'drawn latents', sample: 0 }).normal(4 * 16)
  const x = latents.latents(0)
  const [first, held] = [normalised(stills, 0, [0]), normalised(stills, 0, [1])]
  // (x - t noise) / (1 - t) is the drawing's own for one t, which the first number tells.
  const t = (x[0] - first[0]) / (noise[0] - first[0])
  const own = x.map((v, j) => (v - t * noise[j]) / (1 - t))
  for (let c = 0; c < 4; c++)
    for (const frame of [1, 2, 3])
      assertClose(
        own.slice((c * 4 + frame) * 4, (c * 4 + frame + 1) * 4),
        held.slice(c * 4, c * 4 + 4),
        1e-3,
        `${c} ${frame}`,
      )
  latents.close()
})

test('what was drawn is kept, and drawn anew in another pass or by other weights', async () => {
  let drawn = 0
  const draw = async (options: Partial<typeof usual>) => {
    const latents = await drawnLatents(set, { ...usual, ...options, onProgress: () => drawn++ })
    const all = Array.from({ length: latents.count }, (_, i) => latents.latents(i))
    latents.close()
    return all
  }
  const first = await draw({})
  assert.equal(drawn, 4)
  assert.deepEqual(await draw({}), first)
  assert.equal(drawn, 4)
  assert.notDeepEqual(await draw({ pass: 1 }), first)
  assert.equal(drawn, 8)
  assert.notDeepEqual(await draw({ model: await motionless() }), first)
  assert.equal(drawn, 12)
})

test('a schedule that is none of a flow is an error', async () => {
  const file = 'scheduler/scheduler_config.json'
  const other = await writeTinyModel(join(root, 'ddim'), {
    [file]: JSON.stringify({ _class_name: 'DDIMScheduler', num_train_timesteps: 1000 }),
  })
  await assert.rejects(drawnLatents(set, { ...usual, model: other }), {
    code: 'input',
    message: /needs a FlowMatchEulerDiscreteScheduler, not a DDIMScheduler/,
  })
})
