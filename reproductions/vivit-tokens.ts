/**
 * How a clip becomes tokens (Arnab et al. 2021, section 3.2) and where the first weights come from (section 3.4, table 1).
 * Clips of one shape whose class is the order of its two movements: tubelets, frames at equal spacing with as many
 * tokens, and the mean of all frames, in which half of the classes look like another one. Then, in fewer steps, tubelets
 * from random weights against a ViT that has learnt from stills what is seen and where. In small the image model does not
 * help here, other than in the paper: it is figures and a chart, and no part of the claim.
 */
import {
  centralFrame,
  filterInflation,
  fromImageModel,
  type Inflation,
  type Learned,
  type Reproduction,
  stream,
  type ViViTConfig,
  vit,
  vivit,
} from 'tubelet'
import { motionBatch, motionClasses } from 'tubelet/node'
import { type Learning, shapeClasses, shapesOnGrey, trainTask } from './vit/task.ts'

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
const cells = 3 // along a side of a still

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

/** A ViViT on clips; where it takes one frame, that is their mean. */
const trainArm = (config: ViViTConfig, learning: Learning) =>
  trainTask(
    {
      ...{ name: 'vivit-tokens', shape: [batch, config.frames, 3, size, size], tests: tested / batch },
      logits: (p, pixels) => vivit(p, config)(pixels).logits,
      draw(purpose, step) {
        const random = (sample: number) => stream({ seed: learning.seed, purpose: `clips ${purpose}`, step, sample })
        const { pixels, labels } = motionBatch(random, { count: batch, frames, size })
        return { pixels: config.frames === 1 ? frameMean(pixels) : pixels, labels }
      },
    },
    { ...learning, every: 20 },
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
      ...{ name: 'vivit-tokens', shape: [batch, 3, size, size], tests: tested / batch },
      logits: (p, pixels) => vit(p, { ...small, patchSize: [8, 8], classes: shapeClasses(cells) })(pixels).logits,
      draw(purpose, step) {
        const random = (sample: number) => stream({ seed: learning.seed, purpose: `stills ${purpose}`, step, sample })
        return shapesOnGrey(random, { count: batch, size, radius: 0.09, spread: 0.06, cells })
      },
    },
    { ...learning, every: 20 },
  )
