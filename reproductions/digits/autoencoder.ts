import {
  add,
  drawLatent,
  exp,
  input,
  klOf,
  klPerLatent,
  mul,
  nn,
  type Posterior,
  type ReproductionContext,
  sigmoid,
  softplus,
  stream,
  sub,
  sum,
  type Tensor,
  vae,
  vaeConfig,
  warmupCosine,
} from 'tubelet'
import { epochOrder } from 'tubelet/node'
import { rows, runAll } from './batches.ts'
import { area, type DigitPictures, rowsOf, side } from './pictures.ts'

/** An AutoencoderKL for digits: `factor` times smaller along each side. */
export function digitVae(factor: 4 | 8, latentChannels: number) {
  const widths = factor === 4 ? [8, 16, 32] : [8, 16, 32, 32]
  const config = vaeConfig({
    in_channels: 1,
    out_channels: 1,
    latent_channels: latentChannels,
    block_out_channels: widths,
    down_block_types: widths.map(() => 'DownEncoderBlock2D'),
    up_block_types: widths.map(() => 'UpDecoderBlock2D'),
    norm_num_groups: 4,
    mid_block_add_attention: false,
  })
  const shape = [latentChannels, side / factor, side / factor]
  return { config, shape, latents: shape.reduce((a, b) => a * b) }
}

/** How one autoencoder is trained. */
export interface AutoencoderRun extends Pick<ReproductionContext, 'runtime' | 'seed' | 'learn'> {
  readonly train: DigitPictures
  readonly model: ReturnType<typeof digitVae>
  readonly steps: number
  /** β. Without it there is no prior: the decoder reads the mean, and nothing is added to the error. */
  readonly klWeight?: number
}

/** What an autoencoder makes of pictures, or of latents; rows are samples. */
export interface Autoencoder {
  /** Pictures → mean [N, latents], deviation and divergence in nats of each latent. */
  encode(pixels: Float32Array): Promise<Record<'mean' | 'deviation' | 'kl', Float32Array>>
  decode(latents: Float32Array): Promise<Float32Array>
  release(): Promise<void>
}

/**
 * Trains an autoencoder on −log p(x | z) of a Bernoulli decoder (Kingma & Welling 2013, appendix C.1) plus β times the
 * divergence, both in nats, summed over a picture. The network's output is the logit of ink. β grows from 0 over the
 * first half (Sønderby et al. 2016, section 2.3): at full size from the start it may push every code onto the prior
 * before the decoder has learnt to read any.
 */
export async function trainAutoencoder(run: AutoencoderRun): Promise<Autoencoder> {
  const { runtime, seed, learn, train, model, steps, klWeight } = run
  const batch = 64
  const order = epochOrder(train.count, batch, { seed, purpose: 'autoencoder' })
  const { weights } = await learn({
    name: 'digit autoencoder',
    seed,
    steps,
    samples: batch,
    build(p) {
      const { encode, decode } = vae(p, model.config)
      const x = input('x', [batch, 1, side, side])
      const noise = input('noise', [batch, ...model.shape])
      const posterior = narrow(encode(x))
      const z = klWeight === undefined ? add(posterior.mean, mul(noise, 0)) : drawLatent(posterior, noise)
      const error = sum(surprise(x, decode(z)))
      return { loss: mul(add(error, mul(klOf(posterior), input('beta', []))), 1 / batch) }
    },
    batch: (step) => ({
      beta: Float32Array.of((klWeight ?? 0) * Math.min(1, (2 * step) / steps)),
      x: rowsOf(train.pixels, order(step), area),
      noise: stream({ seed, purpose: 'latent noise', step }).normal(batch * model.latents),
    }),
    lr: warmupCosine({ peak: 3e-3, warmup: 20, total: steps }),
    optimizer: { weightDecay: 0, clip: 100, ema: 0.99 },
  })
  const { encode, decode } = vae(nn.params(), model.config)
  const posterior = narrow(encode(input('x', [rows, 1, side, side])))
  const { mean, logvar } = posterior
  const parts = (kind: RegExp) => Object.fromEntries(Object.entries(weights).filter(([name]) => kind.test(name)))
  const encoder = await runtime.load(
    { mean, deviation: exp(mul(logvar, 0.5)), kl: klPerLatent(posterior) },
    { constants: parts(/^(encoder|quant_conv)/) },
  )
  const decoder = await runtime.load(
    { y: pictureOf(decode(input('z', [rows, ...model.shape]))) },
    { constants: parts(/^(decoder|post_quant_conv)/) },
  )
  return {
    encode: async (pixels) => (await runAll(encoder, { x: pixels }, pixels.length / area)) as never,
    decode: async (z) => (await runAll(decoder, { z }, z.length / model.latents)).y,
    async release() {
      await encoder.release()
      await decoder.release()
    },
  }
}

/** The posterior as it begins: σ near 0.14, not 1, so that the decoder sees codes through little noise at first. */
const narrow = ({ mean, logvar }: Posterior): Posterior => ({ mean, logvar: sub(logvar, 4) })

/** −log of a Bernoulli with logit y for each pixel x in [−1, 1], whose ink is its share of ones. */
const surprise = (x: Tensor, y: Tensor): Tensor => sub(softplus(y), mul(mul(add(x, 1), 0.5), y))

/** The share of ink in [−1, 1]. */
const pictureOf = (y: Tensor): Tensor => sub(mul(sigmoid(y), 2), 1)

/** −log p(x | z) of pictures x in nats, summed, where y is what z decodes to; both in [−1, 1]. */
export function errorInNats(x: Float32Array, y: Float32Array): number {
  const share = (value: number) => Math.min(1 - 1e-6, Math.max(1e-6, (value + 1) / 2))
  return x.reduce((total, value, i) => {
    const [ink, q] = [(value + 1) / 2, share(y[i])]
    return total - ink * Math.log(q) - (1 - ink) * Math.log(1 - q)
  }, 0)
}
