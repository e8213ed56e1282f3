import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
import { initial, normalNumbers, randomised } from '../../test/model.ts'
import { evaluate } from '../../test/on-node.ts'
import { input } from '../graph/index.ts'
import { params } from '../nn/index.ts'
import { type ViTConfig, vit, vitConfig } from './vit.ts'
import { type ViViTConfig, type ViViTModel, vivit, vivitModels } from './vivit.ts'
import { centralFrame, filterInflation, fromImageModel } from './vivit-init.ts'

const [D, S, side, frames] = [16, 4, 8, 6]
const picture: ViTConfig = vitConfig({
  hidden_size: D,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  intermediate_size: 32,
  image_size: side,
  patch_size: 4,
  num_labels: 3,
})
const { imageSize, patchSize: _, ...shared } = picture
const clip = { ...shared, imageSize, frames, tubelet: [3, 4, 4] } satisfies ViViTConfig

/** States of a ViT with random weights for one picture [3, 8, 8], and its weights. */
async function imageModel(pool: 'token' | 'mean', pixels: Float32Array) {
  const p = params()
  const { states } = vit(p, { ...picture, pool })(input('pixels', [1, 3, side, side]))
  const weights = randomised(p) as Record<string, Float32Array>
  return { weights, states: (await evaluate({ states }, { ...weights, pixels })).states }
}

/** States of a ViViT that begins with these weights. */
async function clipStates(config: ViViTConfig, weights: Record<string, Float32Array>, pixels: Float32Array) {
  const p = params()
  const { states } = vivit(p, config)(input('pixels', [1, config.frames, 3, side, side]))
  for (const name of Object.keys(weights)) assert.ok(p.all.has(name), name)
  return (await evaluate({ states }, { ...initial(p), ...weights, pixels })).states
}

const still = normalNumbers(1, 3, side, side)
const stillClip = Float32Array.from({ length: frames * still.length }, (_, i) => still[i % still.length])
/** The still in the middle of each tubelet, noise before and behind it. */
const centralClip = normalNumbers(2, frames, 3, side, side).map((noise, i) =>
  Math.floor(i / still.length) % 3 === 1 ? still[i % still.length] : noise,
)

/** Models that see each frame as the image model does before training, and with which clip's positions. */
const alike: ViViTModel[] = ['spatio-temporal attention', 'factorised self-attention']

test('after central-frame initialisation a clip is read as its central frame is by the image model', async () => {
  const image = await imageModel('mean', still)
  for (const model of alike) {
    const config: ViViTConfig = { ...clip, model, pool: 'mean' }
    const states = await clipStates(config, fromImageModel(image.weights, config, centralFrame), centralClip)
    for (const t of [0, 1])
      assertClose(states.slice(t * S * D, (t + 1) * S * D), image.states, 1e-4, `${model}, tubelet ${t}`)
  }
})

test('after filter inflation a still clip is read as its picture is, a moving one is not', async () => {
  const image = await imageModel('mean', still)
  for (const model of alike) {
    const config: ViViTConfig = { ...clip, model, pool: 'mean' }
    const weights = fromImageModel(image.weights, config, filterInflation)
    const states = await clipStates(config, weights, stillClip)
    for (const t of [0, 1])
      assertClose(states.slice(t * S * D, (t + 1) * S * D), image.states, 1e-4, `${model}, tubelet ${t}`)
    assert.notDeepEqual(await clipStates(config, weights, centralClip), states)
  }
})

test('with a class token a clip of one tubelet is read as its central frame is', async () => {
  const image = await imageModel('token', still)
  const config: ViViTConfig = { ...clip, frames: 3 }
  const weights = fromImageModel(image.weights, config)
  assertClose(
    await clipStates(config, weights, centralClip.subarray(0, 3 * still.length)),
    image.states,
    1e-4,
    'states',
  )
})

test('each of the four models takes over what it shares with the image model', async () => {
  const { weights } = await imageModel('token', still)
  for (const model of vivitModels) {
    const config: ViViTConfig = { ...clip, model }
    const p = params()
    vivit(p, config)
    const taken = fromImageModel(weights, config)
    for (const [name, array] of Object.entries(taken))
      assert.equal(array.length, initial(p)[name]?.length, `${model}: ${name}`)
    const left = [...p.all.keys()].filter((name) => !(name in taken))
    const fresh = left.filter((name) => !/^classifier|temporal/.test(name))
    assert.deepEqual(fresh, [], model)
  }
})

test('weights of another model are refused in words', async () => {
  const { weights } = await imageModel('mean', still)
  assert.throws(() => fromImageModel(weights, clip), /fromImageModel: the ViT must have a class token, as the ViViT/)
  const other: ViViTConfig = { ...clip, imageSize: [16, 8], pool: 'mean' }
  assert.throws(() => fromImageModel(weights, other), /fromImageModel: the ViT must have the same grid of patches/)
  assert.throws(() => centralFrame(new Float32Array(10), 4, 2), /inflation: patch must be the elements h · w/)
})
