/**
 * What convolutions know beforehand a ViT must learn: with few pictures a ResNet is ahead, with many the ViT catches up
 * (Dosovitskiy et al. 2021, section 4.3, figures 3 and 4). Handwritten digits, more and more of them; both networks see as
 * many batches whatever the number of pictures.
 */
import { costOf, input, nn, type Reproduction, type ResNetConfig, resnet, stream, type ViTConfig, vit } from 'tubelet'
import { type Digits, digitSide, mnist } from 'tubelet/node'
import { type Learning, type Task, trainTask } from './vit/task.ts'

const batch = 50
const classes = 10
const vitConfig: ViTConfig = {
  imageSize: [digitSide, digitSide],
  patchSize: [4, 4],
  channels: 1,
  classes,
  width: 64,
  depth: 4,
  heads: 4,
  hidden: 256,
  activation: 'gelu_fast',
  qkvBias: true,
  eps: 1e-6,
}
const resnetConfig: ResNetConfig = {
  channels: 1,
  stemWidth: 24,
  widths: [24, 48, 96],
  depths: [1, 1, 1],
  block: 'basic',
  activation: 'relu',
  strideInFirstStage: false,
  strideInBottleneck: false,
  classes,
}

const small = { ...vitConfig, depth: 2 }
const networks = (quick: boolean): Readonly<Record<'ViT' | 'ResNet', Task['logits']>> => ({
  ViT: (p, pixels) => vit(p, quick ? small : vitConfig)(pixels).logits,
  ResNet: (p, pixels, training) => resnet(p, resnetConfig, { training })(pixels),
})

export default {
  name: 'vit-data-size',
  system: 'ViT',
  source: 'Dosovitskiy et al. 2021, section 4.3, figures 3 and 4',
  claim: {
    en: 'With few pictures the ResNet is ahead; the ViT gains more from more of them.',
    zh: '图片少时 ResNet 领先；图片增多时 ViT 获益更大。',
  },
  seeds: [1, 2],

  async measure(context) {
    const { quick, seed, report } = context
    const steps = quick ? 300 : 1000
    const counts = quick ? [100, 4000] : [100, 300, 1000, 3000, 9000]
    const train = shuffled(await mnist({ split: 'train' }), seed)
    const test = shuffled(await mnist({ split: 'held-out' }), seed)
    const figures: Record<string, number> = {}
    const series: Record<string, [number, number][]> = {}
    for (const [name, network] of Object.entries(networks(quick))) {
      series[name] = []
      figures[`${name}: 10⁶ multiply-adds a picture`] =
        costOf([network(nn.params(), input('x', [1, 1, digitSide, digitSide]))]).flops / 2e6
      for (const count of counts) {
        report(`${name}, ${count} pictures: ${steps} steps`)
        const accuracy = await accuracyOf(network, { train, test, count }, { ...context, steps })
        series[name].push([count, accuracy])
        figures[`${name}, ${count} pictures: accuracy`] = accuracy
      }
    }
    const [few, most] = [counts[0], counts.at(-1)]
    for (const name of ['ViT', 'ResNet'])
      figures[`${name}: gain from ${few} to ${most} pictures`] =
        figures[`${name}, ${most} pictures: accuracy`] - figures[`${name}, ${few} pictures: accuracy`]
    const overtaken = counts.find((_, i) => series.ViT[i][1] > series.ResNet[i][1])
    // Absent where the ViT does not overtake.
    if (overtaken) figures['pictures at which the ViT is ahead first'] = overtaken
    return { figures, series }
  },

  holds: (seeds, { quick }) =>
    seeds.every((figures) => {
      const [few, most] = quick ? [100, 4000] : [100, 9000]
      const ahead = figures[`ResNet, ${few} pictures: accuracy`] > figures[`ViT, ${few} pictures: accuracy`] + 0.03
      const gain = (name: string) => figures[`${name}: gain from ${few} to ${most} pictures`]
      const learned = figures[`ViT, ${most} pictures: accuracy`] > (quick ? 0.8 : 0.93)
      return learned && ahead && gain('ResNet') > 0 && gain('ViT') > gain('ResNet') + 0.02
    }),

  charts: [
    {
      name: 'accuracy',
      title: { en: 'Accuracy over the number of training pictures', zh: '准确率与训练图片数' },
      x: { label: { en: 'training pictures', zh: '训练图片数' }, log: true },
      y: { label: { en: 'accuracy on other pictures', zh: '在其他图片上的准确率' } },
      lines: [
        { series: 'ViT', label: { en: 'ViT', zh: 'ViT' } },
        { series: 'ResNet', label: { en: 'ResNet', zh: 'ResNet' } },
      ],
    },
  ],
} satisfies Reproduction

/** Digits in a random order, as planes in [−1, 1] on which paper is 0. */
interface Shuffled {
  readonly count: number
  readonly pixels: Float32Array // [N, 28, 28]
  readonly labels: Int32Array
}

const plane = digitSide ** 2

function shuffled({ count, images, labels }: Digits, seed: number): Shuffled {
  const order = stream({ seed, purpose: 'order of digits' }).permutation(count)
  const pixels = Float32Array.from(
    { length: count * plane },
    (_, i) => images[order[Math.floor(i / plane)] * plane + (i % plane)] / 255,
  )
  return { count, pixels, labels: Int32Array.from(order, (n) => labels[n]) }
}

/** How much of the digits to test a network tells right that saw only the first `count` digits to learn. */
async function accuracyOf(
  logits: Task['logits'],
  { train, test, count }: { train: Shuffled; test: Shuffled; count: number },
  learning: Learning,
): Promise<number> {
  const { accuracy } = await trainTask(
    {
      ...{ name: 'vit-data-size', shape: [batch, 1, digitSide, digitSide], logits, peak: 2e-3 },
      draw(purpose, step) {
        const random = stream({ seed: learning.seed, purpose: 'digits', step })
        return purpose === 'to learn'
          ? gathered(
              train,
              Array.from({ length: batch }, () => random.integer(count)),
            )
          : gathered(
              test,
              Array.from({ length: batch }, (_, i) => step * batch + i),
            )
      },
      tests: Math.floor(test.count / batch),
    },
    learning,
  )
  return accuracy
}

function gathered({ pixels, labels }: Shuffled, chosen: readonly number[]) {
  const out = new Float32Array(batch * plane)
  for (const [b, n] of chosen.entries()) out.set(pixels.subarray(n * plane, (n + 1) * plane), b * plane)
  return { pixels: out, labels: Int32Array.from(chosen, (n) => labels[n]) }
}
