import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
import { assertLearned, assertParity, normalNumbers, overfit, trainedCount } from '../../test/model.ts'
import { evaluate } from '../../test/on-node.ts'
import { input } from '../graph/index.ts'
import { params } from '../nn/index.ts'
import { square, sum } from '../ops/index.ts'
import { drawLatent, klOf, klPerLatent, posteriorOf, vae, vaeConfig, vaeLoss, vaeSizes } from './vae.ts'

const tiny = vaeConfig({
  down_block_types: ['DownEncoderBlock2D', 'DownEncoderBlock2D'],
  up_block_types: ['UpDecoderBlock2D', 'UpDecoderBlock2D'],
  block_out_channels: [8, 16],
  latent_channels: 2,
  norm_num_groups: 4,
})

test('vae gives the answers of AutoencoderKL', () => assertParity('autoencoder_kl'))

test('KL-f8 has the parameters of the autoencoder of Stable Diffusion', () => {
  assert.equal(
    trainedCount((p) => vae(p, vaeSizes['KL-f8'])),
    83_653_863,
  )
})

test('vae learns to draw two pictures again from latents a quarter their size', async () => {
  const losses = await overfit(
    (p) => {
      const { encode, decode } = vae(p, tiny)
      const x = input('x', [2, 3, 8, 8])
      const posterior = encode(x)
      return vaeLoss(x, decode(drawLatent(posterior, input('noise', [2, 2, 4, 4]))), posterior)
    },
    // Noise that is always the same would be learned with the pictures, so there is none.
    { x: normalNumbers(1, 2, 3, 8, 8), noise: new Float32Array(64) },
    { steps: 80, rate: 1e-2 },
  )
  assertLearned(losses, 0.35)
})

test('the loss is the error summed over a picture and the weighted divergence of its latents, mean over pictures', async () => {
  const [x, decoded] = [input('x', [2, 3, 2, 4]), input('decoded', [2, 3, 2, 4])]
  const posterior = posteriorOf(input('moments', [2, 4, 1, 2]))
  const feeds = {
    x: normalNumbers(1, 2, 3, 2, 4),
    decoded: normalNumbers(2, 2, 3, 2, 4),
    moments: normalNumbers(3, 2, 4, 1, 2),
  }
  const got = await evaluate(
    {
      absolute: vaeLoss(x, decoded, posterior, { weight: 0.3 }),
      squared: vaeLoss(x, decoded, posterior, { weight: 0.3, error: square }),
    },
    feeds,
  )
  let [absolute, squared, kl] = [0, 0, 0]
  feeds.x.forEach((value, i) => {
    absolute += Math.abs(value - feeds.decoded[i])
    squared += (value - feeds.decoded[i]) ** 2
  })
  for (const i of [0, 1, 2, 3, 8, 9, 10, 11]) {
    const [mu, logvar] = [feeds.moments[i], feeds.moments[i + 4]]
    kl += 0.5 * (mu ** 2 + Math.exp(logvar) - 1 - logvar)
  }
  assertClose(got.absolute, [(absolute + 0.3 * kl) / 2], 1e-5, 'absolute')
  assertClose(got.squared, [(squared + 0.3 * kl) / 2], 1e-5, 'squared')
})

test('the divergence is that of a normal distribution from the standard one, and 0 between equals', async () => {
  const moments = input('moments', [1, 4, 1, 2])
  const kl = klOf(posteriorOf(moments))
  const at = async (...numbers: number[]) => (await evaluate({ kl }, { moments: Float32Array.from(numbers) })).kl[0]
  assert.equal(await at(0, 0, 0, 0, 0, 0, 0, 0), 0)
  // ½ (μ² + σ² − 1 − ln σ²) with μ = 2, σ² = e; three other latents are standard.
  assertClose([await at(2, 0, 0, 0, 1, 0, 0, 0)], [0.5 * (4 + Math.E - 2)], 1e-6, 'kl')
})

test('the divergence is told for each latent of each picture, and adds up to that of the batch', async () => {
  const posterior = posteriorOf(input('moments', [2, 4, 1, 2]))
  const each = klPerLatent(posterior)
  assert.deepEqual(each.shape, [2, 2, 1, 2])
  const moments = normalNumbers(1, 2, 4, 1, 2)
  const got = await evaluate({ each, perPicture: sum(each, [1, 2, 3]), all: klOf(posterior) }, { moments })
  const want = Array.from({ length: 8 }, (_, i) => {
    const at = 8 * Math.floor(i / 4) + (i % 4)
    const [mu, logvar] = [moments[at], moments[at + 4]]
    return 0.5 * (mu ** 2 + Math.exp(logvar) - 1 - logvar)
  })
  assertClose(got.each, want, 1e-5, 'each')
  const total = (values: number[]) => values.reduce((a, b) => a + b)
  assertClose(got.perPicture, [total(want.slice(0, 4)), total(want.slice(4))], 1e-5, 'per picture')
  assertClose(got.all, [total(want)], 1e-5, 'all')
})

test('a draw has the mean and spread of the posterior, whose log variance is held between −30 and 20', async () => {
  const z = drawLatent(posteriorOf(input('moments', [1, 2, 1, 3])), input('noise', [1, 1, 1, 3]))
  const moments = Float32Array.of(1, 2, 3, Math.log(4), -100, 0)
  const drawn = await evaluate({ z }, { moments, noise: Float32Array.of(-1.5, 1000, 0) })
  assertClose(drawn.z, [1 - 2 * 1.5, 2 + 1000 * Math.exp(-15), 3], 1e-6, 'z')
})

test('a config or picture that does not fit is refused in words', () => {
  const refuse = (json: unknown, message: RegExp) => assert.throws(() => vaeConfig(json), { code: 'input', message })
  refuse({ down_block_types: ['DownBlock2D'] }, /'down_block_types' is \["DownBlock2D"\]; it must be a list of texts/)
  refuse({ block_out_channels: [8, 16] }, /'block_out_channels' is \[8,16\]; it must be a list of 1 whole numbers$/)
  refuse({ up_block_types: [] }, /'up_block_types' is \[\]; it must be as many as down_block_types, 1$/)
  const { encode, decode } = vae(params(), tiny)
  assert.throws(() => encode(input('x', [1, 4, 8, 8])), /vae: x must be \[B, 3, H, W\]/)
  assert.throws(() => decode(input('z', [1, 3, 8, 8])), /vae: z must be \[B, 2, H, W\]/)
})
