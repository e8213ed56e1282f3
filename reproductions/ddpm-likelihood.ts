/**
 * How many bits a denoising diffusion model needs for its data, by the variational bound (Ho et al. 2020, sections 3.2 and
 * 3.3, equation 5; Nichol & Dhariwal 2021, section 3.1). On a mixture of Gaussians the entropy is known, so one sees how
 * much of the bound is the model's fault and how much that of steps that are taken to be normal; on digits of 256 levels
 * the bound is what the papers report.
 */
import {
  add,
  alphaBars,
  bitsPerDimension,
  cast,
  concat,
  constant,
  cos,
  type DDPMConfig,
  ddpmConfig,
  ddpmLoss,
  gather,
  gaussianMixture,
  hillsOnCircle,
  input,
  layerNorm,
  matmul,
  mul,
  nn,
  noisyBatches,
  type Params,
  type Reproduction,
  reshape,
  rowsOf,
  silu,
  sin,
  softmax,
  stream,
  sub,
  type Tensor,
  type UNetConfig,
  unet,
  unetSizes,
  warmupCosine,
} from 'tubelet'
import { digitPictures, mnist } from 'tubelet/node'

const hills = hillsOnCircle(8)
const mixture = gaussianMixture(hills)
const variances = ['fixed_small', 'fixed_large', 'learned_range'] as const
const processOf = (variance_type: DDPMConfig['variance_type'], clip_sample: boolean): DDPMConfig =>
  ddpmConfig.parse({ variance_type, clip_sample })
const T = 1000
const digitSteps = 800

export default {
  name: 'ddpm-likelihood',
  system: 'DDPM',
  source: 'Ho et al. 2020, sections 3.2 and 3.3, equation 5; Nichol & Dhariwal 2021, section 3.1',
  claim: {
    en: 'The bound lies above the entropy of the data, even for a perfect denoiser, whose steps have a fixed variance; a trained denoiser lies above the perfect one, and a learned variance lowers the bound.',
    zh: '变分上界高于数据的熵，最优去噪器因方差固定也不例外；同样的方差下，训练出的网络高于最优网络，而学习方差可以降低上界。',
  },
  seeds: [1, 2],

  async measure({ runtime, seed, quick, signal, learn, report }) {
    const points = quick ? 512 : 4096
    const data = mixture.sample(stream({ seed, purpose: 'data of the bound' }), points)
    const wide = mixture.sample(stream({ seed, purpose: 'data of the entropy' }), 1 << 17)
    const entropy = -average(mixture.moments(wide, 1).logDensity) / (2 * Math.LN2)
    const surprise = -average(mixture.moments(data, 1).logDensity) / (2 * Math.LN2)
    const figures: Record<string, number> = { 'mixture: entropy': entropy }
    const series: Record<string, [number, number][]> = {}
    const mixtureBits = { shape: [points, 2], decoder: 'density', seed, signal } as const

    /** The bound on a few points, brought to the entropy by how surprising these few are. */
    const bound = async (name: string, build: (p: Params) => Predict, of: Bounded) => {
      report(`the bound: ${name}`)
      const { total, steps } = await bitsPerDimension(runtime, data, { ...mixtureBits, build, ...of })
      figures[`mixture: bound, ${name}`] = total + entropy - surprise
      series[name] = cumulative(steps)
    }
    for (const kind of ['fixed_small', 'fixed_large'] as const) {
      const config = processOf(kind, false)
      await bound(`perfect, ${kind}`, () => perfect(config), { weights: {}, config })
    }
    const steps = quick ? 800 : 8000
    for (const learned of [false, true]) {
      const config = processOf(learned ? 'learned_range' : 'fixed_small', false)
      report(`mixture${learned ? ', learned variance' : ''}: ${steps} steps`)
      const { weights } = await learn({
        name: 'mixture',
        ...{ seed, steps, samples: 256, build: (p) => lossOf(pointNetwork(p, learned ? 4 : 2), [256, 2], config) },
        batch: (step) => noisyPoints(seed, step, 256),
        lr: warmupCosine({ peak: 2e-3, warmup: 100, total: steps }),
        optimizer: { weightDecay: 0, ema: 0.99 },
      })
      const kinds = learned ? (['learned_range'] as const) : (['fixed_small', 'fixed_large'] as const)
      for (const kind of kinds)
        await bound(`trained, ${kind}`, (p) => pointNetwork(p, learned ? 4 : 2), {
          weights,
          config: processOf(kind, false),
        })
    }
    if (!quick) Object.assign(figures, await digitBits({ runtime, seed, signal, learn, report }))
    return { figures, series }
  },

  holds: (seeds, { quick }) =>
    seeds.every((figures) => {
      const of = (name: string) => figures[`mixture: bound, ${name}`]
      const entropy = figures['mixture: entropy']
      const reached = ['perfect, fixed_small', 'perfect, fixed_large', ...variances.map((kind) => `trained, ${kind}`)]
      const bounds = reached.map(of)
      const above = bounds.every((bound) => bound > entropy)
      const close = of('perfect, fixed_large') < entropy + 0.25
      const ordered =
        of('perfect, fixed_large') < of('trained, fixed_large') &&
        of('perfect, fixed_small') < of('trained, fixed_small')
      const learned =
        of('trained, learned_range') < Math.min(of('trained, fixed_small'), of('trained, fixed_large')) - 0.05
      const digits = (kind: string) => figures[`digits: bits per dimension, ${kind}`]
      const lowest = Math.min(digits('fixed_small'), digits('fixed_large'))
      return above && close && ordered && learned && (quick || digits('learned_range') < lowest)
    }),

  charts: [
    {
      name: 'parts',
      title: { en: 'The bound up to a time, on the mixture', zh: '高斯混合上累加到各时刻的上界' },
      x: { label: { en: 'time t', zh: '时刻 t' } },
      y: { label: { en: 'bits per dimension', zh: '每维比特数' } },
      lines: [
        { series: 'perfect, fixed_small', label: { en: 'perfect, small variance', zh: '最优，小方差' } },
        { series: 'perfect, fixed_large', label: { en: 'perfect, large variance', zh: '最优，大方差' } },
        { series: 'trained, fixed_small', label: { en: 'trained, small variance', zh: '训练，小方差' } },
        { series: 'trained, fixed_large', label: { en: 'trained, large variance', zh: '训练，大方差' } },
        { series: 'trained, learned_range', label: { en: 'trained, learned variance', zh: '训练，学习方差' } },
      ],
    },
  ],
} satisfies Reproduction

type Predict = (x: Tensor, t: Tensor) => Tensor
type Context = Parameters<Reproduction['measure']>[0]
interface Bounded {
  readonly weights: Record<string, Float32Array>
  readonly config: DDPMConfig
}

/** The inputs of a batch, and the loss of a network on them. */
function lossOf(predict: Predict, shape: readonly number[], config: DDPMConfig) {
  const inputs = { x0: input('x0', shape), eps: input('eps', shape), t: input('t', [shape[0]], 'int32') }
  return { loss: ddpmLoss(predict, inputs, config).loss }
}

function noisyPoints(seed: number, step: number, count: number) {
  const drawn = (purpose: string) => stream({ seed, purpose, step })
  const random = drawn('time')
  return {
    x0: mixture.sample(drawn('data'), count),
    eps: drawn('noise').normal(2 * count),
    t: Int32Array.from({ length: count }, () => random.integer(T)),
  }
}

/** The best noise predictor of the mixture: √(1 − ᾱ) (xt − √ᾱ Σ shareₖ μₖ) / (ᾱ σ² + 1 − ᾱ), all σ being equal. */
function perfect(config: DDPMConfig): Predict {
  const bars = alphaBars(config)
  const means = constant(new Float32Array(hills.flatMap(({ mean }) => mean)), [8, 2])
  const turned = constant(new Float32Array([0, 1].flatMap((d) => hills.map(({ mean }) => mean[d]))), [2, 8])
  const noisy = (bar: number) => bar * hills[0].deviation ** 2 + 1 - bar
  return (x, t) => {
    const at = (of: (bar: number) => number) =>
      reshape(gather(constant(Float32Array.from(bars, of), [T]), cast(t, 'int32')), [-1, 1])
    // All means are equally long, so that |x − √ᾱ μ|² differs by x · μ alone.
    const shares = softmax(
      mul(
        matmul(x, turned),
        at((bar) => Math.sqrt(bar) / noisy(bar)),
      ),
    )
    const centre = mul(matmul(shares, means), at(Math.sqrt))
    return mul(
      sub(x, centre),
      at((bar) => Math.sqrt(1 - bar) / noisy(bar)),
    )
  }
}

/** A multilayer perceptron that is told the place in waves, too: x [B, 2], t [B] → [B, outputs]. */
function pointNetwork(p: Params, outputs: number): Predict {
  const width = 96
  const time = nn.mlp(p.at('time'), { from: 64, width, hidden: width, activation: silu })
  const first = nn.linear(p.at('first'), 2 + 4 * 4, width)
  const blocks = [0, 1, 2].map((i) => nn.mlp(p.at(`blocks.${i}`), { width, hidden: 2 * width, activation: silu }))
  const last = nn.linear(p.at('last'), width, outputs)
  return (x, t) => {
    const at = time(nn.timestepEmbedding(t, 64))
    const places = [2, 4, 8, 16].map((k) => mul(x, k))
    const h = first(concat([x, ...places.map((y) => sin(y)), ...places.map((y) => cos(y))], 1))
    return last(silu(layerNorm(blocks.reduce((y, block) => add(y, block(layerNorm(add(y, at)))), h))))
  }
}

/** Bits per dimension of digits of 16 × 16 that were not seen, under each variance. */
async function digitBits({ runtime, seed, signal, learn, report }: Omit<Context, 'quick'>) {
  const digits = digitPictures(await mnist({ split: 'train' }), 16)
  const unseen = digitPictures(await mnist({ split: 'held-out' }), 16)
  const x0 = rowsOf(
    unseen,
    Array.from({ length: 128 }, (_, i) => (i * 389) % unseen.count),
  )
  const draws = noisyBatches(digits, { batch: 64, seed, times: T })
  const figures: Record<string, number> = {}
  for (const learned of [false, true]) {
    const network = digitNetwork(learned ? 2 : 1)
    report(`digits${learned ? ', learned variance' : ''}: ${digitSteps} steps`)
    const { weights } = await learn({
      name: 'digits',
      ...{ seed, steps: digitSteps, samples: 64 },
      build: (p) =>
        lossOf(unet(p, network), [64, 1, 16, 16], processOf(learned ? 'learned_range' : 'fixed_small', true)),
      batch(step) {
        const { x0, eps, t } = draws(step)
        return { x0, eps, t }
      },
      lr: warmupCosine({ peak: 2e-3, warmup: 100, total: digitSteps }),
      optimizer: { weightDecay: 0, clip: 1, ema: 0.995 },
    })
    for (const kind of variances)
      if ((kind === 'learned_range') === learned) {
        const options = { build: (p: Params) => unet(p, network), weights, config: processOf(kind, true) }
        const shape = { shape: [128, 1, 16, 16], decoder: 'bins' } as const
        const { total } = await bitsPerDimension(runtime, x0, { ...options, ...shape, seed, signal })
        figures[`digits: bits per dimension, ${kind}`] = total
      }
  }
  return figures
}

function digitNetwork(outChannels: number): UNetConfig {
  const [plain, attending] = [false, true].map((attention) => ({ attention, resample: 'conv' }) as const)
  const size = { channels: 1, outChannels, widths: [16, 32], depth: 1, timeWidth: 64, groups: 8, attentionGroups: 8 }
  return { ...unetSizes['CIFAR-10'], ...size, down: [plain, attending], up: [attending, plain] }
}

const average = (values: Float64Array): number => values.reduce((a, b) => a + b) / values.length

/** The sum of the steps up to each time, at every 25th. */
function cumulative(steps: Float64Array): [number, number][] {
  let sum = 0
  return Array.from(steps, (bits, t): [number, number] => {
    sum += bits
    return [t, sum]
  }).filter(([t]) => t % 25 === 0)
}
