/**
 * What the weight of the prior does to a diffusion model on the latents (Rombach et al. 2021, sections 3.1 and 3.2): the
 * same diffusion transformer is trained on the latents of autoencoders that differ in β alone. Its samples cannot come
 * nearer to the data than what the decoder makes of true latents, the decoder's own bound.
 */
import {
  dit,
  ditConfig,
  flowLoss,
  input,
  logitNormalTimes,
  nn,
  type RandomStream,
  type Reproduction,
  type ReproductionContext,
  sample,
  schedulerFromConfig,
  stream,
  warmupCosine,
} from 'tubelet'
import { epochOrder, pictureGrid } from 'tubelet/node'
import { type Autoencoder, digitVae, trainAutoencoder } from './digits/autoencoder.ts'
import { rows, runAll } from './digits/batches.ts'
import { trainJudge } from './digits/judge.ts'
import { area, type DigitPictures, digitsOf, joined, rowsOf, side } from './digits/pictures.ts'

const model = digitVae(4, 4) // 4 × 4 × 4 latents
const [channels, height] = model.shape
const network = ditConfig({
  num_attention_heads: 4,
  attention_head_dim: 24,
  num_layers: 4,
  patch_size: 1,
  in_channels: channels,
  sample_size: height,
  num_embeds_ada_norm: 10,
})
const scheduler = { _class_name: 'FlowMatchEulerDiscreteScheduler' }
const drawnSteps = 25
const count = 900 // pictures for every distance
const shown = 20
const betas = (quick: boolean): number[] => (quick ? [0, 0.3, 10] : [0, 0.01, 0.1, 1, 10])
const format = { channels: 1, height: side, width: side, columns: shown, scale: 3 } as const
const [ofSamples, bound] = ['samples', "the decoder's bound"].map((what) => (beta: number) => `${what} at β = ${beta}`)

export default {
  name: 'vae-diffusability',
  system: 'AE and VAE',
  source: 'Rombach et al. 2021, section 3.1 and appendix G; Kingma & Welling 2013',
  claim: {
    en: "A heavier prior costs the decoder's own bound and makes latents easier for a diffusion model: samples come nearer to the bound as β grows, and the best samples lie between no prior and a heavy one.",
    zh: '先验越重，解码器本身的极限越差，但隐变量越容易被扩散模型学会：β 越大，采样结果离这个极限越近；最好的采样结果介于没有先验和先验过重之间。',
  },
  seeds: [1, 2],

  async measure(context) {
    const { seed, quick, signal, report } = context
    const [train, heldOut] = [await digitsOf('train', signal), await digitsOf('held-out', signal)]
    report('training the judge')
    const judge = await trainJudge(context, { train, heldOut })
    const labels = heldOut.labels.digit.slice(0, count)
    const figures: Record<string, number> = { 'accuracy of the judge': judge.accuracy }
    const pictures: Float32Array[] = []
    for (const beta of betas(quick)) {
      report(`β = ${beta}: training the autoencoder`)
      const coder = await trainAutoencoder({ ...context, train, model, klWeight: beta, steps: quick ? 110 : 400 })
      const latents = await latentsOf(coder, train.pixels)
      const heldOutLatents = await latentsOf(coder, heldOut.pixels.subarray(0, count * area))
      figures[bound(beta)] = await judge.distance(
        await coder.decode(
          heldOutLatents.draw(stream({ seed, purpose: 'held-out latents' }), Array.from(labels.keys())),
        ),
      )
      report(`β = ${beta}: training the diffusion model`)
      const z = await diffuse({ context, latents, train, labels })
      const drawn = await coder.decode(z)
      figures[ofSamples(beta)] = await judge.distance(drawn)
      pictures.push(drawn.subarray(0, shown * area))
      await coder.release()
    }
    await judge.release()
    const curve = (name: (beta: number) => string) =>
      betas(quick)
        .filter((beta) => beta > 0)
        .map((beta): [number, number] => [beta, figures[name(beta)]])
    return {
      figures,
      series: { samples: curve(ofSamples), bound: curve(bound) },
      pictures: { samples: await pictureGrid(joined(pictures), format) },
    }
  },

  holds: (seeds, { quick }) =>
    seeds.every((figures) => {
      const all = betas(quick)
      const [first, last] = [all[0], all.at(-1)!]
      const gap = (beta: number) => figures[ofSamples(beta)] - figures[bound(beta)]
      const between = Math.min(...all.slice(1, -1).map((beta) => figures[ofSamples(beta)]))
      return (
        figures[bound(last)] > 2 * figures[bound(first)] &&
        gap(last) < 0.7 * gap(first) &&
        between < 0.8 * figures[ofSamples(last)] &&
        (quick || between < 0.95 * figures[ofSamples(first)]) // in small, noise of training hides it
      )
    }),

  charts: [
    {
      name: 'beta',
      title: {
        en: 'Samples of the diffusion model, and the bound of the decoder',
        zh: '扩散模型的采样结果与解码器的极限',
      },
      x: { label: { en: 'β', zh: 'β' }, log: true },
      y: { label: { en: 'Fréchet distance from held-out digits', zh: '与未见过的数字的 Fréchet 距离' }, log: true },
      lines: [
        { series: 'samples', label: { en: 'samples', zh: '采样结果' } },
        { series: 'bound', label: { en: 'true latents decoded', zh: '真实隐变量解码' } },
      ],
    },
  ],
  pictures: [
    {
      name: 'samples',
      title: { en: 'Samples, one row for each β from 0', zh: '采样结果，每行一个 β，从 0 开始' },
    },
  ],
} satisfies Reproduction

/** Latents of pictures, drawn anew each time, and the scale that a diffusion model sees them at. */
interface Latents {
  /** A draw from the posterior of each chosen picture. */
  draw(random: RandomStream, chosen: readonly number[]): Float32Array
  /** Each channel with mean 0 and deviation 1 over the pictures, and back. */
  normalise(z: Float32Array): Float32Array
  restore(z: Float32Array): Float32Array
}

async function latentsOf(coder: Autoencoder, pixels: Float32Array): Promise<Latents> {
  const { mean, deviation } = await coder.encode(pixels)
  const plane = model.latents / channels
  const channelOf = (i: number) => Math.floor((i % model.latents) / plane)
  const per = mean.length / channels
  const [sums, squares] = [0, 1].map(() => new Float64Array(channels))
  mean.forEach((mu, i) => {
    sums[channelOf(i)] += mu / per
    squares[channelOf(i)] += (mu ** 2 + deviation[i] ** 2) / per
  })
  const scale = squares.map((square, c) => Math.sqrt(square - sums[c] ** 2))
  return {
    draw(random, chosen) {
      const noise = random.normal(chosen.length * model.latents)
      const [mu, sigma] = [mean, deviation].map((array) => rowsOf(array, chosen, model.latents))
      return mu.map((value, i) => value + sigma[i] * noise[i])
    },
    normalise: (z) => z.map((value, i) => (value - sums[channelOf(i)]) / scale[channelOf(i)]),
    restore: (z) => z.map((value, i) => value * scale[channelOf(i)] + sums[channelOf(i)]),
  }
}

interface DiffusionRun {
  readonly context: ReproductionContext
  readonly latents: Latents
  readonly train: DigitPictures
  readonly labels: Int32Array // of the samples to draw
}

/** Trains a rectified flow on latents and draws one sample for each label: [N, Z, H, W]. */
async function diffuse({ context, latents, train, labels }: DiffusionRun): Promise<Float32Array> {
  const { runtime, seed, quick, signal, learn } = context
  const [batch, steps] = [64, quick ? 150 : 1000]
  const order = epochOrder(train.count, batch, { seed, purpose: 'diffusion' })
  const shape = [batch, ...model.shape]
  const { weights } = await learn({
    name: 'digit latents',
    seed,
    steps,
    samples: batch,
    build(p) {
      const denoise = dit(p, network)
      const told = input('labels', [batch], 'int32')
      const inputs = { x0: input('x0', shape), eps: input('eps', shape), t: input('t', [batch]) }
      return { loss: flowLoss((x, t) => denoise(x, t, told), inputs) }
    },
    batch(step) {
      const chosen = order(step)
      const drawn = (purpose: string) => stream({ seed, purpose, step })
      return {
        x0: latents.normalise(latents.draw(drawn('latents'), chosen)),
        eps: drawn('noise').normal(batch * model.latents),
        t: logitNormalTimes(drawn('time').normal(batch)),
        labels: Int32Array.from(chosen, (i) => train.labels.digit[i]),
      }
    },
    lr: warmupCosine({ peak: 2e-3, warmup: 20, total: steps }),
    optimizer: { weightDecay: 0, clip: 1, ema: quick ? 0.98 : 0.995 },
  })
  const x = input('x', [rows, ...model.shape])
  const y = dit(nn.params(), network)(x, input('t', [rows]), input('labels', [rows], 'int32'))
  const program = await runtime.load({ y }, { constants: weights })
  let z: Float32Array = stream({ seed, purpose: 'start' }).normal(labels.length * model.latents)
  for await (const event of sample({
    scheduler: schedulerFromConfig(scheduler, drawnSteps),
    denoise: async (x, t) =>
      (await runAll(program, { x, t: new Float32Array(labels.length).fill(t), labels }, labels.length)).y,
    x: z,
    signal,
  }))
    z = event.x
  await program.release()
  return latents.restore(z)
}
