import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
import { initial, normalNumbers } from '../../test/model.ts'
import { evaluate } from '../../test/on-node.ts'
import { input, type Tensor } from '../graph/index.ts'
import { patchDiscriminator } from '../models/patch-discriminator.ts'
import { drawLatent, vae, vaeConfig, vaeLoss } from '../models/vae.ts'
import { linear, type Params, params } from '../nn/index.ts'
import { add, maximum, mean, mul, neg, square, sub, tanh } from '../ops/index.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { grad } from '../transform/grad.ts'
import { adversarialLoss } from './adversarial.ts'
import { learn } from './learn.ts'

const [batch, width] = [8, 6]

/** A generator of two layers, a discriminator of two, and what each says. */
function players() {
  const p = params()
  const [first, last] = [linear(p.at('g.first'), width, width), linear(p.at('g.last'), width, width)]
  const judge = (at: Params) => {
    const [hidden, answer] = [linear(at.at('hidden'), width, width), linear(at.at('answer'), width, 1)]
    return (x: Tensor): Tensor => answer(tanh(hidden(x)))
  }
  const x = input('x', [batch, width])
  const fake = last(tanh(first(x)))
  const reconstruction = mean(square(sub(fake, x)))
  const lastLayer = p.all.get('g.last.weight')!.tensor
  const parts = adversarialLoss(p.at('d'), judge, { real: x, fake, reconstruction, lastLayer })
  // The same discriminator once more, whose weights and picture both carry gradients.
  const open = judge({ ...p.at('d'), at: (name) => reread(p.at('d').at(name)) })
  const feeds = { ...initial(p), x: normalNumbers(1, batch, width) }
  return { p, x, fake, reconstruction, lastLayer, parts, open, feeds }
}

const reread = (p: Params): Params => ({ ...p, get: (name) => p.all.get(`${p.path}.${name}`)!.tensor })

const named = (p: Params, player: string) => [...p.all.values()].filter(({ name }) => name.startsWith(player))

test('in one loss each player has the gradient of its own part alone', async () => {
  const { p, x, fake, reconstruction, parts, open, feeds } = players()
  const loss = add(add(reconstruction, parts.generator), parts.discriminator)
  const [generator, discriminator] = [named(p, 'g.'), named(p, 'd.')].map((list) => list.map(({ tensor }) => tensor))
  assert.equal(generator.length + discriminator.length, p.all.size)
  const constantWeight = input('constant weight', [])
  const own = add(reconstruction, mul(neg(mean(open(fake))), constantWeight))
  const hinge = (sign: number, y: Tensor) => mean(maximum(add(mul(y, sign), 1), 0))
  const opposed = mul(add(hinge(-1, open(x)), hinge(1, open(fake))), 0.5)
  const { weight } = await evaluate({ weight: parts.weight }, feeds)
  const outputs = (prefix: string, list: Tensor[]) => Object.fromEntries(list.map((t, i) => [`${prefix}${i}`, t]))
  const got = await evaluate(
    {
      ...outputs('both', grad(loss, [...generator, ...discriminator])),
      ...outputs('alone', [...grad(own, generator), ...grad(opposed, discriminator)]),
    },
    { ...feeds, 'constant weight': weight },
  )
  for (let i = 0; i < p.all.size; i++) {
    assert.ok(got[`both${i}`].some((value) => value !== 0))
    assertClose(got[`both${i}`], got[`alone${i}`], 1e-6, `gradient ${i}`)
  }
})

test('the weight is the ratio of the two gradients at the last layer, so that both pull alike there', async () => {
  const { reconstruction, lastLayer, parts, feeds } = players()
  const [dr] = grad(reconstruction, [lastLayer])
  const [dg] = grad(parts.generator, [lastLayer])
  const got = await evaluate({ dr, dg, weight: parts.weight }, feeds)
  assert.ok(got.weight[0] > 0 && got.weight[0] < 1e4)
  assertClose([Math.hypot(...got.dg)], [Math.hypot(...got.dr)], 1e-4, 'length')
})

test('an autoencoder and a discriminator of patches learn in one run', async () => {
  const config = vaeConfig({
    ...{ in_channels: 1, out_channels: 1, latent_channels: 2, norm_num_groups: 2, mid_block_add_attention: false },
    ...{ block_out_channels: [4, 8], down_block_types: Array(2).fill('DownEncoderBlock2D') },
    up_block_types: Array(2).fill('UpDecoderBlock2D'),
  })
  const names: string[] = []
  const { weights } = await learn(
    {
      ...{ name: 'players', seed: 1, steps: 2, samples: 2 },
      build(p) {
        const { encode, decode } = vae(p.at('vae'), config)
        const real = input('x', [2, 1, 16, 16])
        const posterior = encode(real)
        const fake = decode(drawLatent(posterior, input('noise', [2, 2, 8, 8])))
        const reconstruction = vaeLoss(real, fake, posterior)
        const lastLayer = p.all.get('vae.decoder.conv_out.weight')!.tensor
        const judge = (at: Params) => patchDiscriminator(at, { channels: 1, width: 4, depth: 2 })
        const parts = adversarialLoss(p.at('judge'), judge, { real, fake, reconstruction, lastLayer })
        names.push(...p.all.keys())
        return { loss: add(add(reconstruction, parts.generator), parts.discriminator), weight: parts.weight }
      },
      batch: () => ({ x: normalNumbers(1, 2, 1, 16, 16), noise: normalNumbers(2, 2, 2, 8, 8) }),
      lr: () => 1e-3,
    },
    { runtime: nodeRuntime() },
  )
  const p = params()
  vae(p.at('vae'), config)
  patchDiscriminator(p.at('judge'), { channels: 1, width: 4, depth: 2 })
  const first = initial(p)
  assert.deepEqual(Object.keys(weights).sort(), [...new Set(names)].sort())
  for (const name of ['vae.encoder.conv_in.weight', 'vae.decoder.conv_out.weight', 'judge.main.0.weight'])
    assert.ok(weights[name].some((value, i) => Number.isFinite(value) && value !== first[name][i]))
})
