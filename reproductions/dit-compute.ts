/**
 * Compute and quality of diffusion transformers (Peebles & Xie 2023, section 5, figures 6 to 8): widths and patch sizes on
 * handwritten digits of 16 × 16. Smaller patches add no weights, only tokens, and so compute; the paper finds a
 * correlation of −0.93 between the logarithm of the multiply-adds and the Fréchet distance.
 */
import {
  costOf,
  type DiTConfig,
  ddpmConfig,
  ddpmLoss,
  dit,
  drawSamples,
  frechet,
  guidedDenoiser,
  input,
  learn,
  learnClassifier,
  noiseError,
  noisyBatches,
  params,
  type Reproduction,
  rowsOf,
  schedulerFromConfig,
  warmupCosine,
} from 'tubelet'
import { digitPictures, mnist, pictureGrid } from 'tubelet/node'

const side = 16
const process = ddpmConfig.parse({ beta_schedule: 'linear', variance_type: 'fixed_large' })
const scheduler = { _class_name: 'DDPMScheduler', ...process }
const times = [20, 60, 120, 200, 300, 450, 600, 800]
const batch = 64

/** Width and patch size of each arm; the rest is DiT-Zero, four blocks deep. */
const grid = [32, 64, 96].flatMap((width) => [8, 4, 2].map((patchSize) => ({ width, patchSize })))
const inQuick = (one: (typeof grid)[number]) => one.width === 32 || (one.width === 64 && one.patchSize === 4)
const nameOf = ({ width, patchSize }: (typeof grid)[number]) => `width ${width}, patch ${patchSize}`
const configOf = (one: (typeof grid)[number]): DiTConfig => ({
  ...{ block: 'adaLN-Zero', ...one, depth: 4, heads: one.width / 16, mlpRatio: 4 },
  ...{ feedForward: 'gelu-approximate', qkvBias: true, normGain: false, eps: 1e-6, sharedEmbedding: true },
  ...{ imageSize: side, channels: 1, outChannels: 1, classes: 10 },
})

export default {
  name: 'dit-compute',
  system: 'DiT',
  source: 'Peebles & Xie 2023, section 5, figures 6 to 8',
  claim: {
    en: 'The more multiply-adds a diffusion transformer takes, by width or by smaller patches, the lower are loss and Fréchet distance; smaller patches help at equal weights.',
    zh: '无论靠加宽还是缩小 patch，扩散 Transformer 的乘加次数越多，损失和 Fréchet 距离越低；参数量不变时，更小的 patch 也有效。',
  },
  seeds: [1, 2],

  async measure({ runtime, seed, quick, signal, report }) {
    const steps = quick ? 140 : 1500
    const drawn = quick ? 192 : 1024
    const digits = digitPictures(await mnist({ split: 'train' }), side)
    const unseen = digitPictures(await mnist({ split: 'held-out' }), side)
    const few = Array.from({ length: quick ? 192 : 512 }, (_, i) => (i * 389) % unseen.count)
    const held = { pixels: rowsOf(unseen, few), labels: few.map((i) => unseen.labels.digit[i]) }
    report('training the classifier whose features are compared')
    const judge = await learnClassifier(digits, { runtime, seed, steps: quick ? 120 : 600, signal })
    const real = await judge.features(unseen.pixels)
    const draws = noisyBatches(digits, { batch, seed, times: process.num_train_timesteps })

    const figures: Record<string, number> = {}
    const grids: Float32Array[] = []
    const points: { macs: number; error: number; far: number }[] = []
    for (const one of quick ? grid.filter(inQuick) : grid) {
      const [name, config] = [nameOf(one), configOf(one)]
      report(`${name}: ${steps} steps`)
      const { weights } = await learn(
        {
          name,
          seed,
          steps,
          samples: batch,
          build(p) {
            const predict = dit(p, config)
            const pictures = [batch, 1, side, side]
            const inputs = { x0: input('x0', pictures), eps: input('eps', pictures), t: input('t', [batch], 'int32') }
            const labels = input('labels', [batch], 'int32')
            return { loss: ddpmLoss((x, t) => predict(x, t, labels), inputs, process).loss }
          },
          batch(step) {
            const { chosen, ...noisy } = draws(step)
            return { ...noisy, labels: chosen.map((i) => digits.labels.digit[i]) }
          },
          lr: warmupCosine({ peak: 1e-3, warmup: steps >> 4, total: steps }),
          optimizer: { weightDecay: 0, ema: 0.99 },
        },
        { runtime, signal },
      )
      const program = await guidedDenoiser(runtime, {
        build(p) {
          const predict = dit(p, config)
          return (x, t, { labels }) => predict(x, t, labels)
        },
        weights,
        ...{ shape: [batch, 1, side, side], told: { labels: { shape: [], dtype: 'int32' } }, guided: false },
      })
      const told = (first: number) => ({ labels: Int32Array.from(held.labels.slice(first, first + batch)) })
      const errors = await noiseError(program, held.pixels, { config: process, times, seed, told })
      const pixels = await drawSamples(program, {
        scheduler: schedulerFromConfig(scheduler, quick ? 20 : 50),
        ...{ seed, count: drawn, signal },
        told: (first) => ({ labels: Int32Array.from({ length: batch }, (_, b) => (first + b) % 10) }),
      })
      await program.release()
      grids.push(pixels.slice(0, 10 * side * side))
      const error = errors.reduce((sum, [, error]) => sum + error, 0) / times.length
      points.push({ macs: macsOf(config), error, far: frechet(await judge.features(pixels), real) })
      figures[`${name}: million multiply-adds`] = macsOf(config) / 1e6
      figures[`${name}: error`] = error
      figures[`${name}: Fréchet distance`] = points.at(-1)!.far
    }
    await judge.release()
    points.sort((a, b) => a.macs - b.macs)
    const logs = points.map(({ macs }) => Math.log(macs))
    for (const [name, of] of [
      ['error', 'error'],
      ['Fréchet distance', 'far'],
    ] as const)
      figures[`correlation of log multiply-adds and ${name}`] = correlation(
        logs,
        points.map((point) => point[of]),
      )
    const curve = (of: 'error' | 'far') => points.map((point): [number, number] => [point.macs / 1e6, point[of]])
    const series = { error: curve('error'), far: curve('far') }
    const pixels = new Float32Array(grids.flatMap((grid) => [...grid]))
    const png = await pictureGrid(pixels, { channels: 1, height: side, width: side, columns: 10 })
    return { figures, series, pictures: { digits: png } }
  },

  holds: (seeds, { quick }) =>
    seeds.every((figures) => {
      const error = (width: number, patchSize: number) => figures[`${nameOf({ width, patchSize })}: error`]
      const smaller = error(32, 2) < 0.95 * error(32, 4) && error(32, 4) < 0.95 * error(32, 8)
      if (quick) return smaller && figures['correlation of log multiply-adds and error'] < -0.7
      return smaller && figures['correlation of log multiply-adds and Fréchet distance'] < -0.7
    }),

  charts: (['error', 'far'] as const).map((series) => ({
    name: series === 'far' ? 'distance' : series,
    title: {
      en: `${series === 'far' ? 'Fréchet distance' : 'Error of the noise'} over compute`,
      zh: `${series === 'far' ? 'Fréchet 距离' : '噪声预测误差'}与计算量`,
    },
    x: { label: { en: 'million multiply-adds for a picture', zh: '每幅图的乘加次数（百万）' }, log: true },
    y: {
      label: {
        en: series === 'far' ? 'Fréchet distance' : 'mean squared error',
        zh: series === 'far' ? 'Fréchet 距离' : '均方误差',
      },
    },
    lines: [{ series, label: { en: 'width 32 to 96, patch 8 to 2', zh: '宽度 32 到 96，patch 8 到 2' } }],
  })),
  pictures: [
    {
      name: 'digits',
      title: {
        en: 'Digits 0 to 9 from the same noise; a row each: width 32, 64, 96, of each patch 8, 4, 2',
        zh: '同一批噪声采样出的数字 0 到 9，每行一种：宽度 32、64、96，各含 patch 8、4、2',
      },
    },
  ],
} satisfies Reproduction

/** Multiply-adds for one picture, which the paper calls Gflops. */
function macsOf(config: DiTConfig): number {
  const [x, t, labels] = [input('x', [1, 1, side, side]), input('t', [1]), input('labels', [1], 'int32')]
  return costOf([dit(params(), config)(x, t, labels)]).flops / 2
}

/** Pearson's correlation. */
function correlation(x: readonly number[], y: readonly number[]): number {
  const centred = (values: readonly number[]) => {
    const mean = values.reduce((a, b) => a + b) / values.length
    return values.map((value) => value - mean)
  }
  const [a, b] = [centred(x), centred(y)]
  const dot = (u: readonly number[], v: readonly number[]) => u.reduce((sum, value, i) => sum + value * v[i], 0)
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
}
