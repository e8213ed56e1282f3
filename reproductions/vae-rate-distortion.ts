/**
 * What the weight of the prior does to a variational autoencoder (Kingma & Welling 2013; Burda et al. 2015): it moves
 * along a curve of rate, the nats that a code costs against the prior, and distortion, −log p of the picture under the
 * decoder, in nats too; latents that are not worth their cost fall silent. Same network, data, steps and seed for every
 * weight.
 */
import { activeUnits, type Reproduction, stream } from 'tubelet'
import { pictureGrid } from 'tubelet/node'
import { digitVae, errorInNats, trainAutoencoder } from './digits/autoencoder.ts'
import { area, digitsOf, joined, side } from './digits/pictures.ts'

const model = digitVae(8, 8) // 2 × 2 × 8 latents
const count = 900 // held-out digits
const shown = 12
const betas = (quick: boolean): number[] => (quick ? [0.1, 3, 30] : [0.1, 0.3, 1, 3, 10, 30])
const format = { channels: 1, height: side, width: side, columns: shown, scale: 4 } as const
const [rate, distortion, active] = ['rate', 'distortion', 'active units'].map(
  (what) => (beta: number) => `${what} at β = ${beta}`,
)

export default {
  name: 'vae-rate-distortion',
  system: 'AE and VAE',
  source: 'Kingma & Welling 2013, equation 3; Burda et al. 2015, section 5.2',
  claim: {
    en: 'As the weight β of the prior grows, codes cost fewer nats, pictures come out with more error, and fewer latents stay active: one curve of rate against distortion.',
    zh: '先验的权重 β 越大，编码花费的 nat 越少，还原误差越大，活跃的隐变量越少：各点连成一条码率—失真曲线。',
  },
  seeds: [1, 2],

  async measure(context) {
    const { seed, quick, signal, report } = context
    const [train, heldOut] = [await digitsOf('train', signal), await digitsOf('held-out', signal)]
    const pixels = heldOut.pixels.subarray(0, count * area)
    const noise = stream({ seed, purpose: 'posterior' }).normal(count * model.latents)
    const figures: Record<string, number> = {}
    const pictures = [pixels.subarray(0, shown * area)]
    for (const beta of betas(quick)) {
      report(`training with β = ${beta}`)
      const coder = await trainAutoencoder({ ...context, train, model, klWeight: beta, steps: quick ? 180 : 1000 })
      const { mean, deviation, kl } = await coder.encode(pixels)
      const drawn = await coder.decode(mean.map((mu, i) => mu + deviation[i] * noise[i]))
      await coder.release()
      const rows = Array.from({ length: count }, (_, n) => mean.subarray(n * model.latents, (n + 1) * model.latents))
      figures[rate(beta)] = kl.reduce((a, b) => a + b, 0) / count
      figures[distortion(beta)] = errorInNats(pixels, drawn) / count
      figures[active(beta)] = activeUnits(rows)
      pictures.push(drawn.subarray(0, shown * area))
    }
    const curve = (x: (beta: number) => number, y: (beta: number) => string) =>
      betas(quick).map((beta): [number, number] => [x(beta), figures[y(beta)]])
    return {
      figures,
      series: {
        curve: curve((beta) => figures[rate(beta)], distortion),
        rate: curve((beta) => beta, rate),
        active: curve((beta) => beta, active),
      },
      pictures: { drawn: await pictureGrid(joined(pictures), format) },
    }
  },

  holds: (seeds, { quick }) =>
    seeds.every((figures) => {
      const all = betas(quick)
      const [first, last] = [all[0], all.at(-1)!]
      const steps = all.slice(1).map((beta, i) => [all[i], beta])
      return (
        steps.every(([a, b]) => figures[rate(b)] < 0.95 * figures[rate(a)]) &&
        steps.every(([a, b]) => figures[distortion(b)] > 0.99 * figures[distortion(a)]) &&
        steps.every(([a, b]) => figures[active(b)] <= figures[active(a)]) &&
        figures[rate(last)] < 0.5 * figures[rate(first)] &&
        figures[distortion(last)] > 1.2 * figures[distortion(first)] &&
        figures[active(last)] < 0.8 * figures[active(first)]
      )
    }),

  charts: [
    {
      name: 'curve',
      title: { en: 'Rate and distortion', zh: '码率与失真' },
      x: { label: { en: 'rate in nats per digit', zh: '每个数字的码率（nat）' } },
      y: { label: { en: '−log p(x | z) in nats per digit', zh: '每个数字的 −log p(x | z)（nat）' } },
      lines: [{ series: 'curve', label: { en: 'one point for each β', zh: '每个 β 一个点' } }],
    },
    {
      name: 'rate',
      title: { en: 'Rate by the weight of the prior', zh: '码率随先验权重的变化' },
      x: { label: { en: 'β', zh: 'β' }, log: true },
      y: { label: { en: 'nats per digit', zh: '每个数字的 nat 数' } },
      lines: [{ series: 'rate', label: { en: 'held-out digits', zh: '未见过的数字' } }],
    },
    {
      name: 'active',
      title: { en: 'Active latents of 32', zh: '32 个隐变量中活跃的个数' },
      x: { label: { en: 'β', zh: 'β' }, log: true },
      y: { label: { en: 'latents whose mean has a variance above 0.01', zh: '均值方差大于 0.01 的隐变量数' } },
      lines: [{ series: 'active', label: { en: 'held-out digits', zh: '未见过的数字' } }],
    },
  ],
  pictures: [
    {
      name: 'drawn',
      title: {
        en: 'Held-out digits, then what comes back, one row for each β from the least',
        zh: '第一行是没见过的数字，下面每行是一个 β 还原的结果，β 从小到大',
      },
    },
  ],
} satisfies Reproduction
