import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
import { assertLearned, assertParity, normalNumbers, overfit } from '../../test/model.ts'
import { evaluate } from '../../test/on-node.ts'
import { input, scalar } from '../graph/index.ts'
import { abs, add, mean, mul, sub, sum } from '../ops/index.ts'
import { grad } from '../transform/grad.ts'
import { codebookLoss, perplexity, quantize, vqVae, vqVaeConfig } from './vq-vae.ts'

const tiny = vqVaeConfig({
  down_block_types: ['DownEncoderBlock2D', 'DownEncoderBlock2D'],
  up_block_types: ['UpDecoderBlock2D', 'UpDecoderBlock2D'],
  block_out_channels: [8, 16],
  latent_channels: 2,
  norm_num_groups: 4,
  num_vq_embeddings: 16,
})

const [B, D, H, W, K] = [2, 3, 2, 4, 5]
const batch = { z: normalNumbers(1, B, D, H, W), codebook: normalNumbers(2, K, D) }
const places = { z: input('z', [B, D, H, W]), codebook: input('codebook', [K, D]) }

test('vqVae gives the answers of VQModel', () => assertParity('vq_model'))

test('each latent is replaced by the nearest entry, as plain loops find it', async () => {
  const { codes, ids } = quantize(places.codebook, places.z)
  const got = await evaluate({ codes, ids }, batch)
  const at = (b: number, d: number, i: number) => (b * D + d) * H * W + i
  for (let b = 0; b < B; b++)
    for (let i = 0; i < H * W; i++) {
      const far = Array.from({ length: K }, (_, k) =>
        [0, 1, 2].reduce((total, d) => total + (batch.z[at(b, d, i)] - batch.codebook[k * D + d]) ** 2, 0),
      )
      const nearest = far.indexOf(Math.min(...far))
      assert.equal(got.ids[b * H * W + i], nearest)
      for (let d = 0; d < D; d++) assert.equal(got.codes[at(b, d, i)], batch.codebook[nearest * D + d])
    }
})

test('the gradient passes straight through: the latents get that of the entries, the codebook none', async () => {
  const { through, codes } = quantize(places.codebook, places.z)
  const slope = input('slope', [B, D, H, W])
  const [dz, dcodebook] = grad(add(sum(mul(through, slope)), mul(sum(places.codebook), 0)), [places.z, places.codebook])
  const slopes = normalNumbers(3, B, D, H, W)
  const got = await evaluate({ dz, dcodebook, through, codes }, { ...batch, slope: slopes })
  assert.deepEqual(got.dz, slopes)
  assert.ok(got.dcodebook.every((value) => value === 0))
  assertClose(got.through, got.codes, 1e-6, 'through')
})

test('of the codebook loss the entries get the error, and the latents the commitment of it', async () => {
  const { z } = places
  const codes = input('codes', [B, D, H, W])
  const loss = codebookLoss(z, { codes }, 0.25)
  const [dz, dcodes] = grad(loss, [z, codes])
  const given = { z: batch.z, codes: normalNumbers(4, B, D, H, W) }
  const got = await evaluate({ loss, dz, dcodes }, given)
  const n = given.z.length
  const error = given.z.map((value, i) => value - given.codes[i])
  assertClose(got.loss, [(1.25 / n) * error.reduce((total, e) => total + e * e, 0)], 1e-6, 'loss')
  assertClose(
    got.dz,
    error.map((e) => (0.25 * 2 * e) / n),
    1e-6,
    'dz',
  )
  assertClose(
    got.dcodes,
    error.map((e) => (-2 * e) / n),
    1e-6,
    'dcodes',
  )
})

test('perplexity counts the entries in use: 1 where one is, K where all are alike', async () => {
  const ids = input('ids', [2, 4], 'int32')
  const at = async (...numbers: number[]) =>
    (await evaluate({ y: perplexity(ids, 8) }, { ids: Int32Array.from(numbers) })).y[0]
  assertClose([await at(3, 3, 3, 3, 3, 3, 3, 3)], [1], 1e-6, 'one')
  assertClose([await at(0, 1, 2, 3, 4, 5, 6, 7)], [8], 1e-6, 'all')
  // Shares ½, ¼, ¼: entropy 1.5 ln 2.
  assertClose([await at(0, 0, 0, 0, 1, 1, 2, 2)], [2 ** 1.5], 1e-6, 'some')
})

test('vqVae learns to draw two pictures again out of entries of its codebook', async () => {
  const losses = await overfit(
    (p) => {
      const { encode, quantize, decode } = vqVae(p, tiny)
      const x = input('x', [2, 3, 8, 8])
      const z = encode(x)
      const quantized = quantize(z)
      return add(mean(abs(sub(x, decode(quantized.through)))), codebookLoss(z, quantized))
    },
    { x: normalNumbers(1, 2, 3, 8, 8) },
    { steps: 120, rate: 1e-2 },
  )
  assertLearned(losses, 0.5)
})

test('latents or a config that do not fit are refused in words', () => {
  assert.throws(() => quantize(places.codebook, scalar(0)), /vq: z must be \[B, 3, H, W\]/)
  assert.throws(() => vqVaeConfig({ norm_type: 'spatial' }), {
    code: 'input',
    message: /VQModel: 'norm_type' is "spatial"; it must be "group", as other values are not supported/,
  })
})
