/**
 * What a denoising diffusion model can learn at best is known where the data is a mixture of Gaussians (Ho et al. 2020,
 * section 3): the noise that a perfect network would tell, so the least loss at every time, and the density that its
 * samples should have. A small network is trained on eight hills in a circle and held against all three.
 */
import {
  add,
  alphaBars,
  concat,
  cos,
  ddpmConfig,
  ddpmLoss,
  diffuse,
  gaussianMixture,
  hillsOnCircle,
  input,
  layerNorm,
  mul,
  nn,
  type Params,
  type RandomStream,
  type Reproduction,
  sample,
  schedulerFromConfig,
  silu,
  sin,
  stream,
  type Tensor,
  warmupCosine,
} from 'tubelet'

const hills = 8
const mixture = gaussianMixture(hillsOnCircle(hills))
const process = ddpmConfig.parse({ beta_schedule: 'linear', clip_sample: false, variance_type: 'fixed_small' })
const scheduler = { _class_name: 'DDPMScheduler', ...process }
const bars = alphaBars(process)
const T = bars.length
const batch = 512
const points = 4096 // for every figure
const times = [0, 10, 30, 60, 100, 150, 200, 300, 400, 500, 600, 700, 800, 900, 999]

export default {
  name: 'ddpm-mixture',
  system: 'DDPM',
  source: 'Ho et al. 2020, sections 2 and 3: equation 4, equation 14, algorithm 2',
  claim: {
    en: 'On a mixture of Gaussians the loss, all times together, falls to the least that is possible, the closed form agrees with the chain, and samples have the density of the data.',
    zh: '在高斯混合分布上，各时刻合计的损失降到理论下限，闭式加噪与逐步加噪一致，采样结果的密度与数据相同。',
  },
  seeds: [1, 2],

  async measure({ runtime, seed, quick, signal, learn, report }) {
    const steps = quick ? 1500 : 12000
    report(`training for ${steps} steps`)
    const drawn = (purpose: string, step: number) => stream({ seed, purpose, step })
    const { weights } = await learn({
      name: 'ddpm-mixture',
      seed,
      steps,
      samples: batch,
      build(p) {
        const predict = network(p)
        const [x0, eps, t] = [input('x0', [batch, 2]), input('eps', [batch, 2]), input('t', [batch], 'int32')]
        return { loss: ddpmLoss(predict, { x0, eps, t }, process).loss }
      },
      batch(step) {
        const random = drawn('time', step)
        return {
          x0: mixture.sample(drawn('data', step), batch),
          eps: drawn('noise', step).normal(2 * batch),
          t: Int32Array.from({ length: batch }, () => random.integer(T)),
        }
      },
      lr: warmupCosine({ peak: 2e-3, warmup: 100, total: steps }),
      optimizer: { weightDecay: 0, ema: 0.995 },
    })
    const [x, t] = [input('x', [points, 2]), input('t', [points])]
    const program = await runtime.load({ y: network(nn.params())(x, t) }, { constants: weights })
    const tell = async (x: Float32Array, t: number) =>
      (await program.run({ x, t: new Float32Array(points).fill(t) })).y as Float32Array

    const [loss, floor] = [[], []] as [number, number][][]
    for (const time of times) {
      const x0 = mixture.sample(drawn('data to measure', time), points)
      const eps = drawn('noise to measure', time).normal(2 * points)
      const xt = diffuse(x0, eps, new Float64Array(points).fill(bars[time]))
      const best = mixture.moments(xt, bars[time]).eps
      loss.push([time, meanSquare(await tell(xt, time), eps)])
      floor.push([time, meanSquare(best, eps)])
    }
    report('drawing samples')
    let x1: Float32Array = drawn('start', 0).normal(2 * points)
    for await (const event of sample({
      scheduler: schedulerFromConfig(scheduler, T),
      denoise: tell,
      noise: (index) => drawn('sampling', index).normal(2 * points),
      x: x1,
      signal,
    }))
      x1 = event.x
    await program.release()

    const data = mixture.sample(drawn('data to compare', 0), points)
    const sum = (pairs: [number, number][]) => pairs.reduce((total, [, y]) => total + y, 0)
    return {
      figures: {
        'loss / least loss': sum(loss) / sum(floor),
        'median log density of the data': median(logDensities(data, 1)),
        'median log density of samples': median(logDensities(x1, 1)),
        'data farther than 3 deviations from every hill': strays(data),
        'samples farther than 3 deviations from every hill': strays(x1),
        "largest error of a hill's share": shareError(x1),
        'log density at t = 300, closed form': mean(logDensities(closed(data, drawn('closed', 0)), bars[chained - 1])),
        'log density at t = 300, chain': mean(logDensities(chain(data, drawn), bars[chained - 1])),
      },
      series: { loss, floor },
    }
  },

  holds: (seeds, { quick }) =>
    seeds.every(
      (figures) =>
        figures['loss / least loss'] < (quick ? 1.1 : 1.02) &&
        Math.abs(figures['median log density of samples'] - figures['median log density of the data']) < 0.2 &&
        figures['samples farther than 3 deviations from every hill'] < (quick ? 0.2 : 0.05) &&
        figures["largest error of a hill's share"] < 0.03 &&
        Math.abs(figures['log density at t = 300, closed form'] - figures['log density at t = 300, chain']) < 0.05,
    ),

  charts: [
    {
      name: 'loss',
      title: { en: 'Error of the noise by time, and the least possible', zh: '各时刻预测噪声的误差与理论下限' },
      x: { label: { en: 'time t', zh: '时刻 t' } },
      y: { label: { en: 'mean squared error', zh: '均方误差' } },
      lines: [
        { series: 'loss', label: { en: 'trained network', zh: '训练后的网络' } },
        { series: 'floor', label: { en: 'perfect network', zh: '最优网络' } },
      ],
    },
  ],
} satisfies Reproduction

/** A multilayer perceptron that is told the place in waves, too, and the time: x [B, 2], t [B] → noise [B, 2]. */
function network(p: Params) {
  const width = 128
  const time = nn.mlp(p.at('time'), { from: 64, width, hidden: width, activation: silu })
  const waves = [2, 4, 8, 16]
  const first = nn.linear(p.at('first'), 2 + 4 * waves.length, width)
  const blocks = [0, 1, 2].map((i) => nn.mlp(p.at('blocks').at(i), { width, hidden: 2 * width, activation: silu }))
  const last = nn.linear(p.at('last'), width, 2)
  return (x: Tensor, t: Tensor): Tensor => {
    const at = time(nn.timestepEmbedding(t, 64))
    const places = waves.map((k) => mul(x, k))
    let h = first(concat([x, ...places.map((y) => sin(y)), ...places.map((y) => cos(y))], 1))
    for (const block of blocks) h = add(h, block(layerNorm(add(h, at))))
    return last(silu(layerNorm(h)))
  }
}

const meanSquare = (a: Float32Array, b: Float32Array): number =>
  a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0) / a.length

const logDensities = (x: Float32Array, bar: number): Float64Array => mixture.moments(x, bar).logDensity

const mean = (values: Float64Array): number => values.reduce((a, b) => a + b, 0) / values.length

const median = (values: Float64Array): number => values.toSorted()[values.length >> 1]

/** Distance of a point from each hill, in deviations. */
const distances = (x: Float32Array, n: number): number[] =>
  mixture.components.map(({ mean, deviation }) => Math.hypot(x[2 * n] - mean[0], x[2 * n + 1] - mean[1]) / deviation)

const strays = (x: Float32Array): number =>
  Array.from({ length: points }, (_, n) => Math.min(...distances(x, n))).filter((far) => far > 3).length / points

/** How far the share of the samples nearest to a hill is from the hill's weight, at most. */
function shareError(x: Float32Array): number {
  const counts = new Array<number>(hills).fill(0)
  for (let n = 0; n < points; n++) {
    const far = distances(x, n)
    counts[far.indexOf(Math.min(...far))] += 1
  }
  return Math.max(...mixture.components.map(({ weight }, k) => Math.abs(counts[k] / points - weight)))
}

const chained = 300 // steps

/** Equation 4, in one go. */
const closed = (x0: Float32Array, random: RandomStream): Float32Array =>
  diffuse(x0, random.normal(x0.length), new Float64Array(points).fill(bars[chained - 1]))

/** Equation 2, step by step: √(1 − β) x + √β ε. */
function chain(x0: Float32Array, drawn: (purpose: string, step: number) => RandomStream): Float32Array {
  let x = x0
  for (let step = 0; step < chained; step++) {
    const alpha = bars[step] / (step > 0 ? bars[step - 1] : 1)
    x = diffuse(x, drawn('chain', step).normal(x.length), new Float64Array(points).fill(alpha))
  }
  return x
}
