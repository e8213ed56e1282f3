import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
import { assertLearned, assertParity, normalNumbers, overfit, randomised, trainedCount } from '../../test/model.ts'
import { evaluate } from '../../test/on-node.ts'
import { input } from '../graph/index.ts'
import { params } from '../nn/index.ts'
import { vaeLoss } from './vae.ts'
import { wanVae } from './wan-vae.ts'
import { wanVaeConfig, wanVaeSizes } from './wan-vae-config.ts'

const small = { base_dim: 4, z_dim: 2, dim_mult: [1, 2, 2], num_res_blocks: 1, temperal_downsample: [true, true] }
const tiny = wanVaeConfig(small)
const residual = wanVaeConfig({ ...small, is_residual: true, patch_size: 2, in_channels: 12, out_channels: 12 })

test('wanVae gives the answers of AutoencoderKLWan', () => assertParity('wan_vae'))

test('the size has the 127 million parameters of the report', () => {
  const millions = trainedCount((p) => wanVae(p, wanVaeSizes['Wan2.1-VAE'])) / 1e6
  assert.equal(Math.round(millions), 127)
})

test('wanVae learns to draw a clip again', async () => {
  const losses = await overfit(
    (p) => {
      const { encode, decode } = wanVae(p, tiny)
      const x = input('x', [1, 3, 5, 8, 8])
      const posterior = encode(x)
      return vaeLoss(x, decode(posterior.mean), posterior)
    },
    { x: normalNumbers(1, 3, 5, 8, 8).map((value) => Math.tanh(value)) },
    { steps: 80, rate: 2e-2 },
  )
  assertLearned(losses, 0.6)
})

for (const [name, config, side] of [
  ['Wan 2.1', tiny, 8],
  ['Wan 2.2', residual, 16],
] as const)
  test(`no latent or frame knows what comes later, and a still is a clip of one frame (${name})`, async () => {
    const p = params()
    const { encode, decode } = wanVae(p, config)
    const frames = 9
    const outputs = {
      latents: encode(input('x', [1, 3, frames, side, side])).mean,
      still: encode(input('x0', [1, 3, 1, side, side])).mean,
      clip: decode(input('z', [1, 2, 3, 2, 2])),
    }
    const weights = randomised(p)
    const x = normalNumbers(1, 3, frames, side, side)
    const z = normalNumbers(2, 2, 3, 2, 2)
    const area = side * side
    const x0 = Float32Array.from({ length: 3 * area }, (_, i) => x[Math.floor(i / area) * frames * area + (i % area)])
    const later = x.map((value, i) => (Math.floor(i / area) % frames > 4 ? -value : value)) // frames 5 to 8
    const laterZ = z.map((value, i) => (Math.floor(i / 4) % 3 > 1 ? -value : value)) // the third latent frame
    const one = await evaluate(outputs, { ...weights, x, x0, z })
    const two = await evaluate(outputs, { ...weights, x: later, x0, z: laterZ })
    const frame = (array: ArrayLike<number>, [of, at, size]: readonly [number, number, number]) =>
      Array.from(array).filter((_, i) => Math.floor(i / size) % of === at)
    for (const at of [0, 1]) assert.deepEqual(frame(two.latents, [3, at, 4]), frame(one.latents, [3, at, 4]))
    assert.notDeepEqual(frame(two.latents, [3, 2, 4]), frame(one.latents, [3, 2, 4]))
    assertClose(one.still, frame(one.latents, [3, 0, 4]), 1e-5, 'the still')
    for (const at of [0, 1, 2, 3, 4])
      assert.deepEqual(frame(two.clip, [frames, at, area]), frame(one.clip, [frames, at, area]))
    assert.notDeepEqual(frame(two.clip, [frames, 5, area]), frame(one.clip, [frames, 5, area]))
  })

test('a config or clip that does not fit is refused in words', () => {
  const refuse = (json: unknown, message: RegExp) => assert.throws(() => wanVaeConfig(json), { code: 'input', message })
  refuse({ attn_scales: [1] }, /^AutoencoderKLWan: 'attn_scales' is \[1\]; it must be \[\], as other values/)
  refuse({ temperal_downsample: [true] }, /'temperal_downsample' is \[true\]; it must be a list of 3 truth values/)
  refuse({ temperal_downsample: [true, true, true] }, /it must be true at most twice/)
  const { encode, decode } = wanVae(params(), residual)
  assert.throws(() => encode(input('x', [1, 12, 1, 16, 16])), /wanVae: x must be \[B, 3, T, H, W\]/)
  assert.throws(() => encode(input('x', [1, 3, 1, 15, 16])), /height and width must be multiples of 2/)
  assert.throws(() => decode(input('z', [1, 3, 1, 2, 2])), /wanVae: z must be \[B, 2, T, H, W\]/)
})
