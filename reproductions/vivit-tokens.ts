/**
 * How a clip becomes tokens (Arnab et al. 2021, section 3.2) and where the first weights come from (section 3.4, table 1).
 * Clips of one shape whose class is the order of its two movements: tubelets, frames at equal spacing with as many
 * tokens, and the mean of all frames, in which half of the classes look like another one. Then, in fewer steps, tubelets
 * from random weights against a ViT that has learnt from stills what is seen and where. In small the image model does not
 * help here, other than in the paper: it is figures and a chart, and no part of the claim.
 */
import {
  argmax,
  cast,
  centralFrame,
  crossEntropy,
  equal,
  filterInflation,
  fromImageModel,
  type Inflation,
  input,
  type Learned,
  learn,
  mean,
  nn,
  type Params,
  paintShapes,
  type Reproduction,
  type ReproductionContext,
  shapeColours,
  shapeKinds,
  stream,
  type Tensor,
  type ViViTConfig,
  vit,
  vivit,
  warmupCosine,
} from 'tubelet'
import { composited, motionBatch, motionClasses } from 'tubelet/node'

const [frames, size, batch, tested] = [8, 32, 32, 1024]
const base = { channels: 3, heads: 4, activation: 'gelu_fast', qkvBias: true, eps: 1e-6 } as const
const imageSize = [size, size] as const
const whole = { ...base, imageSize, width: 96, depth: 4, hidden: 384 }
const inSmall = { ...whole, width: 64, depth: 2, hidden: 256 }

const tokens = {
  tubelets: { frames, tubelet: [2, 8, 8] },
  'uniform frames': { frames, sampledFrames: 4, tubelet: [1, 8, 8] },
  'frame average': { frames: 1, tubelet: [1, 8, 8] },
} as const
const inits: Record<string, Inflation | undefined> = {
  'random init': undefined,
  'filter inflation': filterInflation,
  'central-frame init': centralFrame,
}
const kinds = Object.keys(shapeKinds) as (keyof typeof shapeKinds)[]
const colours = Object.keys(shapeColours) as (keyof typeof shapeColours)[]
const places = 9
const stillClasses = kinds.length * places

export default {
  name: 'vivit-tokens',
  system: 'ViViT',
  source: 'Arnab et al. 2021, sections 3.2 and 3.4, table 1',
  claim: {
    en: 'Tubelets are at least as accurate as frames at equal spacing, with as many tokens; the mean of the frames cannot tell the order of events.',
    zh: 'token 数相同时，tubelet 的准确率不低于均匀抽帧；帧的平均分不出事件的先后。',
  },
  seeds: [1, 2],

  async measure(context) {
    const { quick, report } = context
    const small = quick ? inSmall : whole
    const [steps, short] = quick ? [150, 60] : [1000, 200]
    const figures: Record<string, number> = {}
    const series: Record<string, Learned['curve']> = {}
    const keep = (name: string, { curve, accuracy }: Awaited<ReturnType<typeof trainArm>>) => {
      series[name] = curve
      figures[`${name}: accuracy`] = accuracy
    }
    for (const [name, way] of Object.entries(tokens)) {
      report(`${name}: ${steps} steps`)
      keep(name, await trainArm({ ...small, ...way, classes: motionClasses.length }, { ...context, steps }))
    }
    report(`an image model: ${steps} steps`)
    const image = await imageModel(small, { ...context, steps })
    figures['image model: accuracy on stills'] = image.accuracy
    const config: ViViTConfig = { ...small, ...tokens.tubelets, classes: motionClasses.length }
    for (const [name, inflation] of Object.entries(inits)) {
      report(`${name}: ${short} steps`)
      const from = inflation && fromImageModel(image.weights, config, inflation)
      keep(name, await trainArm(config, { ...context, steps: short, from }))
    }
    return { figures, series }
  },

  holds(seeds, { quick }) {
    const accuracy = (name: string) =>
      seeds.reduce((sum, figures) => sum + figures[`${name}: accuracy`], 0) / seeds.length
    return (
      accuracy('tubelets') > (quick ? 0.7 : 0.9) &&
      accuracy('tubelets') > accuracy('uniform frames') - 0.03 &&
      accuracy('uniform frames') > 0.57 &&
      accuracy('frame average') < 0.57 // at most 0.5, but for the noise of some hundred clips
    )
  },

  charts: [
    {
      name: 'tokens',
      title: { en: 'Loss by the way a clip becomes tokens', zh: '不同切 token 方式的损失' },
      x: { label: { en: 'step', zh: '步' } },
      y: { label: { en: 'cross-entropy, mean of 20 steps', zh: '交叉熵（20 步平均）' } },
      lines: [
        { series: 'tubelets', label: { en: 'tubelets', zh: 'tubelet' } },
        { series: 'uniform frames', label: { en: 'uniform frames', zh: '均匀抽帧' } },
        { series: 'frame average', label: { en: 'mean of the frames', zh: '帧平均' } },
      ],
    },
    {
      name: 'init',
      title: { en: 'Loss by the first weights', zh: '不同初始化的损失' },
      x: { label: { en: 'step', zh: '步' } },
      y: { label: { en: 'cross-entropy, mean of 20 steps', zh: '交叉熵（20 步平均）' } },
      lines: [
        { series: 'random init', label: { en: 'random', zh: '随机' } },
        { series: 'filter inflation', label: { en: 'filter inflation', zh: '平均展开' } },
        { series: 'central-frame init', label: { en: 'central frame', zh: '中间帧' } },
      ],
    },
  ],
} satisfies Reproduction

interface Learning extends ReproductionContext {
  readonly steps: number
  readonly from?: Readonly<Record<string, Float32Array>> // first weights
}

/** What is learnt from batches, and how much of others is then told right. */
interface Task {
  readonly shape: readonly number[]
  readonly logits: (p: Params, pixels: Tensor) => Tensor
  readonly draw: (purpose: string, step: number) => { pixels: Float32Array; labels: Int32Array }
}

async function trainTask({ shape, logits, draw }: Task, { runtime, seed, steps, signal, from }: Learning) {
  const [pixels, labels] = [input('pixels', shape), input('labels', [batch], 'int32')]
  const { weights, curve } = await learn(
    {
      ...{ name: 'vivit-tokens', seed, steps, samples: batch },
      build: (p) => ({ loss: crossEntropy(logits(p, pixels), labels) }),
      batch: (step) => draw('to learn', step),
      lr: warmupCosine({ peak: 3e-3, warmup: Math.floor(steps / 20), total: steps }),
      optimizer: {
        ...{ weightDecay: 0.05, clip: 1, ema: 0.98 },
        muon: (name, shape) => shape.length === 2 && /layer\..*weight$/.test(name),
      },
    },
    { runtime, signal, weights: from, every: 20 },
  )
  const right = mean(cast(equal(argmax(logits(nn.params(), pixels)), labels), 'float32'), 0)
  const program = await runtime.load({ right }, { constants: weights })
  let sum = 0
  for (let n = 0; n < tested / batch; n++) sum += (await program.run(draw('to test', n))).right[0]
  await program.release()
  return { weights, curve, accuracy: (sum * batch) / tested }
}

/** A ViViT on clips; where it takes one frame, that is their mean. */
const trainArm = (config: ViViTConfig, learning: Learning) =>
  trainTask(
    {
      shape: [batch, config.frames, 3, size, size],
      logits: (p, pixels) => vivit(p, config)(pixels).logits,
      draw(purpose, step) {
        const random = (sample: number) => stream({ seed: learning.seed, purpose: `clips ${purpose}`, step, sample })
        const { pixels, labels } = motionBatch(random, { count: batch, frames, size })
        return { pixels: config.frames === 1 ? frameMean(pixels) : pixels, labels }
      },
    },
    learning,
  )

/** Pixels [B, T, 3, S, S] → [B, 1, 3, S, S]. */
function frameMean(pixels: Float32Array): Float32Array {
  const frame = 3 * size * size
  const out = new Float32Array(batch * frame)
  for (let i = 0; i < pixels.length; i++)
    out[Math.floor(i / (frames * frame)) * frame + (i % frame)] += pixels[i] / frames
  return out
}

/** A ViT that tells the shape in a still, and in which of nine cells it is. */
const imageModel = (small: typeof whole, learning: Learning) =>
  trainTask(
    {
      shape: [batch, 3, size, size],
      logits: (p, pixels) => vit(p, { ...small, patchSize: [8, 8], classes: stillClasses })(pixels).logits,
      draw: (purpose, step) =>
        stills((sample) => stream({ seed: learning.seed, purpose: `stills ${purpose}`, step, sample })),
    },
    learning,
  )

/** Stills [B, 3, S, S] in [−1, 1] on grey of one shape anywhere, with its class. */
function stills(random: (sample: number) => ReturnType<typeof stream>) {
  const picture = 3 * size * size
  const pixels = new Float32Array(batch * picture)
  const labels = Int32Array.from({ length: batch }, (_, b) => {
    const numbers = random(b)
    const [kind, colour] = [numbers.integer(kinds.length), numbers.integer(colours.length)]
    const [x, y, r] = numbers.uniform(3)
    const radius = 0.09 + 0.06 * r
    const [left, top] = [x, y].map((u) => radius + (1 - 2 * radius) * u)
    const shape = { shape: kinds[kind], colour: colours[colour], x: left, y: top, radius }
    composited(paintShapes([shape], size), [127.5, 127.5, 127.5], pixels.subarray(b * picture, (b + 1) * picture))
    return kind * places + Math.floor(3 * top) * 3 + Math.floor(3 * left)
  })
  return { pixels, labels }
}
