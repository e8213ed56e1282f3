import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parityCase } from '../../test/parity/case.ts'
import type { NamedArrays } from '../files/arrays.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { type ModelParts, verifyModel, worstError } from './verify.ts'
import { verifyScheduler } from './verify-scheduler.ts'

test('the worst error is relative to the largest answer', () => {
  assert.equal(worstError([1, 2, -4.5], [1, 2, -4]), 0.125)
  assert.equal(worstError([0, 0], [0, 0]), 0)
  assert.equal(worstError([1], [0]), Number.POSITIVE_INFINITY)
  assert.ok(Number.isNaN(worstError([1, Number.NaN, 7], [1, 2, 3])))
})

const without = (arrays: NamedArrays, name: string): NamedArrays =>
  Object.fromEntries(Object.entries(arrays).filter(([key]) => key !== name))
const reshaped = (arrays: NamedArrays, name: string, shape: readonly number[]): NamedArrays => ({
  ...arrays,
  [name]: { ...arrays[name], shape },
})

test('a wrong weight is found, and told by how much', async () => {
  const parts = await parityCase('vit_classifier')
  const bias = { data: Float32Array.from(parts.weights['classifier.bias'].data), shape: [7] }
  bias.data[3] += 0.5
  const { outputs } = await verifyModel(
    { ...parts, weights: { ...parts.weights, 'classifier.bias': bias } },
    nodeRuntime(),
  )
  const largest = Math.max(...parts.expected['output.logits'].data.map(Math.abs))
  const error = Object.fromEntries(outputs.map((output) => [output.name, output.error]))
  assert.ok(Math.abs(error.logits - 0.5 / largest) < 1e-4)
  assert.ok(error.last_hidden_state < 1e-5)
})

test('a file that does not fit the model is refused in words', async () => {
  const parts = await parityCase('dit')
  const refuse = (change: Partial<ModelParts>, message: RegExp) =>
    assert.rejects(verifyModel({ ...parts, ...change }, nodeRuntime()), {
      name: 'TubeletError',
      code: 'input',
      message,
    })
  const { config, weights, expected } = parts
  const name = 'proj_out_2.bias'
  await refuse({ weights: without(weights, name) }, /'proj_out_2.bias' is missing; it must be float32 \[32\]$/)
  await refuse(
    { weights: reshaped(weights, name, [4, 8]) },
    /'proj_out_2.bias' is \[4, 8\]; the config asks for \[32\]$/,
  )
  await refuse({ weights: { ...weights, extra: weights[name] } }, /'extra' belongs to no parameter of the model$/)
  await refuse(
    { config: { ...Object(config), _class_name: 'Flux' } },
    /'Flux' is not supported; these are: CLIPModel, ViT/,
  )
  await refuse({ config: 7 }, /'without a name' is not supported/)
  await refuse(
    { expected: without(expected, 'input.timestep') },
    /needs the tensor 'input.timestep', which is not stored$/,
  )
  await refuse({ expected: without(expected, 'output.sample') }, /hold no tensor named 'output.…' to compare with$/)
  const image = { 'input.image': expected['input.timestep'] }
  await refuse(
    { expected: { ...expected, ...image } },
    /takes no input 'image'; it takes hidden_states, timestep, class_l/,
  )
  const other = { 'output.latents': expected['output.sample'] }
  await refuse({ expected: { ...expected, ...other } }, /gives no output 'latents'; it gives sample$/)
  const cut = reshaped(expected, 'output.sample', [2, 8, 64])
  await refuse({ expected: cut }, /output 'sample' is \[2, 8, 8, 8\] and stored as \[2, 8, 64\]$/)
  const label = { 'input.class_labels': { data: Int32Array.of(3, 11), shape: [2] } }
  await refuse({ expected: { ...expected, ...label } }, /cannot run on the stored inputs: .*indices/s)
})

test('a scheduler that does not fit its stored run is refused in words', async () => {
  const config = { _class_name: 'DDPMScheduler' }
  const state = { data: new Float32Array(8), shape: [1, 2, 2, 2] }
  const refuse = (expected: NamedArrays, message: RegExp) =>
    assert.rejects(verifyScheduler({ config, expected }), { name: 'TubeletError', code: 'input', message })
  await refuse({ 'output.x_000': state }, /needs the float32 tensor 'input.start', which is not stored$/)
  const run = { 'input.start': state, 'output.x_000': state }
  await refuse({ ...run, 'output.x_001': state }, /needs the float32 tensor 'input.noise_000'/)
  await refuse(
    { ...run, 'output.sigmas': state },
    /output 'sigmas' is stored with 8 numbers; the scheduler gives none$/,
  )
})

test('pictures of a packed row must be numbered without a gap', async () => {
  const { expected, ...parts } = await parityCase('navit')
  const gap = { ...without(expected, 'input.image_1_1'), 'input.image_1_7': expected['input.image_1_1'] }
  await assert.rejects(verifyModel({ ...parts, expected: gap }, nodeRuntime()), /numbered from 0 without a gap$/)
  const strange = { ...expected, 'input.pixels': expected['input.image_0_0'] }
  await assert.rejects(
    verifyModel({ ...parts, expected: strange }, nodeRuntime()),
    /NaViT takes no input 'pixels'; it takes image_ROW_NUMBER$/,
  )
})
