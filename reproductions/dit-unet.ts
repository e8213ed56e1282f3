/**
 * A transformer and a U-Net behind one interface, x, t and label in, noise out (Peebles & Xie 2023, figure 2 and table 2),
 * at as many multiply-adds, on handwritten digits of 16 × 16. Both share data, noise, order and steps.
 */
import {
  costOf,
  type Denoiser,
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
  type Params,
  params,
  type Reproduction,
  rowsOf,
  schedulerFromConfig,
  type UNetConfig,
  unet,
  unetSizes,
  warmupCosine,
} from 'tubelet'
import { digitPictures, mnist, pictureGrid } from 'tubelet/node'

const side = 16
const process = ddpmConfig.parse({ beta_schedule: 'linear', variance_type: 'fixed_large' })
const scheduler = { _class_name: 'DDPMScheduler', ...process }
const times = [20, 60, 120, 200, 300, 450, 600, 800]
const batch = 64

const transformer = {
  block: 'adaLN-Zero',
  ...{ width: 64, depth: 4, heads: 4, mlpRatio: 4, patchSize: 2 },
  ...{ feedForward: 'gelu-approximate', qkvBias: true, normGain: false, eps: 1e-6, sharedEmbedding: true },
  ...{ imageSize: side, channels: 1, outChannels: 1, classes: 10 },
} satisfies DiTConfig

const [plain, attending] = [false, true].map((attention) => ({ attention, resample: 'conv' }) as const)
const convolutional: UNetConfig = {
  ...unetSizes['CIFAR-10'],
  ...{ channels: 1, outChannels: 1, widths: [16, 28], depth: 1, timeWidth: 64, groups: 4, attentionGroups: 4 },
  ...{ down: [plain, attending], up: [attending, plain], labels: { kind: 'table', classes: 10 } },
}

/** Both as one kind of function. */
const arms: Record<string, (p: Params) => Denoiser> = {
  DiT(p) {
    const predict = dit(p, transformer)
    return (x, t, { labels }) => predict(x, t, labels)
  },
  'U-Net'(p) {
    const predict = unet(p, convolutional)
    return (x, t, { labels }) => predict(x, t, { labels })
  },
}

export default {
  name: 'dit-unet',
  system: 'DiT',
  source: 'Peebles & Xie 2023, figure 2 and table 2',
  claim: {
    en: 'At as many multiply-adds and steps the U-Net is ahead on small pictures and little data, unlike on ImageNet, where the paper finds DiT ahead.',
    zh: '乘加次数和训练步数相同时，在小图像、小数据上 U-Net 领先；论文在 ImageNet 上的结论则是 DiT 领先。',
  },
  seeds: [1, 2],

  async measure({ runtime, seed, quick, signal, report }) {
    const steps = quick ? 160 : 3000
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
    for (const [name, declare] of Object.entries(arms)) {
      report(`${name}: ${steps} steps`)
      const { weights } = await learn(
        {
          name,
          seed,
          steps,
          samples: batch,
          build(p) {
            const predict = declare(p)
            const pictures = [batch, 1, side, side]
            const inputs = { x0: input('x0', pictures), eps: input('eps', pictures), t: input('t', [batch], 'int32') }
            const labels = input('labels', [batch], 'int32')
            return { loss: ddpmLoss((x, t) => predict(x, t, { labels }), inputs, process).loss }
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
        build: declare,
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
      Object.assign(figures, sizes(name, declare))
    }
    await judge.release()
    const pixels = new Float32Array(grids.flatMap((grid) => [...grid]))
    const png = await pictureGrid(pixels, { channels: 1, height: side, width: side, columns: 10 })
    return { figures, series, pictures: { digits: png } }
  },

  holds: (seeds) =>
    seeds.every((figures) => {
      const of = (name: string, what: string) => figures[`${name}: ${what}`]
      const ratio = of('DiT', 'million multiply-adds') / of('U-Net', 'million multiply-adds')
      return ratio > 0.9 && ratio < 1.1 && of('U-Net', 'error') < 0.97 * of('DiT', 'error')
    }),

  charts: [
    {
      name: 'error',
      title: { en: 'Error of the noise on digits not seen, by time', zh: '未见过的数字上各时刻的噪声预测误差' },
      x: { label: { en: 'time t', zh: '时刻 t' } },
      y: { label: { en: 'mean squared error', zh: '均方误差' }, log: true },
      lines: [
        { series: 'DiT', label: { en: 'DiT', zh: 'DiT' } },
        { series: 'U-Net', label: { en: 'U-Net', zh: 'U-Net' } },
      ],
    },
  ],
  pictures: [
    {
      name: 'digits',
      title: {
        en: 'Digits 0 to 9 from the same noise: DiT, then the U-Net',
        zh: '同一批噪声采样出的数字 0 到 9：先 DiT，后 U-Net',
      },
    },
  ],
} satisfies Reproduction

/** Parameters, and multiply-adds for one picture, which the paper calls Gflops. */
function sizes(name: string, declare: (typeof arms)[string]) {
  const p = params()
  const labels = input('labels', [1], 'int32')
  const y = declare(p)(input('x', [1, 1, side, side]), input('t', [1]), { labels })
  const weights = [...p.all.values()].reduce((sum, { tensor }) => sum + tensor.shape.reduce((a, b) => a * b, 1), 0)
  return { [`${name}: thousand weights`]: weights / 1e3, [`${name}: million multiply-adds`]: costOf([y]).flops / 2e6 }
}
