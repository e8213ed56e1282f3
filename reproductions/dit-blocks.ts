/**
 * The four ways in which a diffusion transformer hears of time and label (Peebles & Xie 2023, section 3.2, figure 5), on
 * handwritten digits of 16 × 16 cut into patches of 2 × 2. All arms share data, noise, order and steps. adaLN-Zero has the
 * most weights, so the others also run with a wider feed-forward network that gives each as many; and adaLN-Zero runs once
 * with its modulation and gates drawn at random instead of zero.
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

const base = {
  block: 'adaLN-Zero',
  ...{ width: 64, depth: 4, heads: 4, mlpRatio: 4, patchSize: 2 },
  ...{ feedForward: 'gelu-approximate', qkvBias: true, normGain: false, eps: 1e-6, sharedEmbedding: true },
  ...{ imageSize: side, channels: 1, outChannels: 1, classes: 10 },
} satisfies DiTConfig

/** Weights of a block are 12 D² in-context, 16 D² with cross-attention or adaLN, 18 D² with adaLN-Zero; mlpRatio adds 2 D² each. */
const arms = {
  'in-context': { ...base, block: 'in-context' },
  'cross-attention': { ...base, block: 'cross-attention' },
  adaLN: { ...base, block: 'adaLN' },
  'adaLN-Zero': base,
  'in-context, as many weights': { ...base, block: 'in-context', mlpRatio: 7 },
  'cross-attention, as many weights': { ...base, block: 'cross-attention', mlpRatio: 5 },
  'adaLN, as many weights': { ...base, block: 'adaLN', mlpRatio: 5 },
  'adaLN-Zero from random': { ...base, randomModulation: true },
} satisfies Record<string, DiTConfig>
const inQuick = ['in-context', 'adaLN', 'adaLN-Zero']

export default {
  name: 'dit-blocks',
  system: 'DiT',
  source: 'Peebles & Xie 2023, section 3.2 and figure 5',
  claim: {
    en: 'At equal steps the block with adaLN-Zero has the lowest loss and the lowest Fréchet distance, in-context conditioning the highest; and not because adaLN-Zero has more weights.',
    zh: '训练步数相同时，adaLN-Zero 的损失和 Fréchet 距离最低，in-context 条件最高；原因并不是 adaLN-Zero 的参数更多。',
  },
  seeds: [1, 2],

  async measure({ runtime, seed, quick, signal, report }) {
    const steps = quick ? 140 : 1600
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
    const series: Record<string, [number, number][]> = {}
    const grids: Float32Array[] = []
    for (const [name, config] of Object.entries(arms)) {
      if (quick && !inQuick.includes(name)) continue
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
      series[name] = await noiseError(program, held.pixels, { config: process, times, seed, told })
      const pixels = await drawSamples(program, {
        scheduler: schedulerFromConfig(scheduler, quick ? 20 : 50),
        ...{ seed, count: drawn, signal },
        told: (first) => ({ labels: Int32Array.from({ length: batch }, (_, b) => (first + b) % 10) }),
      })
      await program.release()
      grids.push(pixels.slice(0, 10 * side * side))
      figures[`${name}: error`] = series[name].reduce((sum, [, error]) => sum + error, 0) / times.length
      figures[`${name}: Fréchet distance`] = frechet(await judge.features(pixels), real)
      Object.assign(figures, sizes(name, config))
    }
    await judge.release()
    const pixels = new Float32Array(grids.flatMap((grid) => [...grid]))
    const png = await pictureGrid(pixels, { channels: 1, height: side, width: side, columns: 10 })
    return { figures, series, pictures: { digits: png } }
  },

  holds: (seeds, { quick }) =>
    seeds.every((figures) => {
      const error = (name: string) => figures[`${name}: error`]
      const far = (name: string) => figures[`${name}: Fréchet distance`]
      const best = error('adaLN-Zero')
      if (quick) return best < 0.97 * error('in-context') && best < 0.97 * error('adaLN')
      const others = ['in-context', 'in-context, as many weights', 'cross-attention, as many weights']
      return others.every((name) => best < 0.99 * error(name)) && far('adaLN-Zero') < far('in-context')
    }),

  charts: [
    {
      name: 'error',
      title: { en: 'Error of the noise on digits not seen, by time', zh: '未见过的数字上各时刻的噪声预测误差' },
      x: { label: { en: 'time t', zh: '时刻 t' } },
      y: { label: { en: 'mean squared error', zh: '均方误差' }, log: true },
      lines: [
        { series: 'in-context', label: { en: 'in-context', zh: 'in-context' } },
        { series: 'cross-attention', label: { en: 'cross-attention', zh: '交叉注意力' } },
        { series: 'adaLN', label: { en: 'adaLN', zh: 'adaLN' } },
        { series: 'adaLN-Zero', label: { en: 'adaLN-Zero', zh: 'adaLN-Zero' } },
        {
          series: 'in-context, as many weights',
          label: { en: 'in-context, as many weights', zh: 'in-context，参数相同' },
        },
        {
          series: 'cross-attention, as many weights',
          label: { en: 'cross-attention, as many weights', zh: '交叉注意力，参数相同' },
        },
        { series: 'adaLN, as many weights', label: { en: 'adaLN, as many weights', zh: 'adaLN，参数相同' } },
        { series: 'adaLN-Zero from random', label: { en: 'adaLN-Zero from random', zh: 'adaLN-Zero，随机初始化' } },
      ],
    },
  ],
  pictures: [
    {
      name: 'digits',
      title: {
        en: `Digits 0 to 9 from the same noise; a row each: ${Object.keys(arms).join('; ')}`,
        zh: `同一批噪声采样出的数字 0 到 9，每行一种：${Object.keys(arms).join('；')}`,
      },
    },
  ],
} satisfies Reproduction

/** Parameters, and multiply-adds for one picture, which the paper calls Gflops. */
function sizes(name: string, config: DiTConfig) {
  const p = params()
  const y = dit(p, config)(input('x', [1, 1, side, side]), input('t', [1]), input('labels', [1], 'int32'))
  const weights = [...p.all.values()].reduce((sum, { tensor }) => sum + tensor.shape.reduce((a, b) => a * b, 1), 0)
  return { [`${name}: thousand weights`]: weights / 1e3, [`${name}: million multiply-adds`]: costOf([y]).flops / 2e6 }
}
