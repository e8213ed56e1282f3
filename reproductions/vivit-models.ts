/**
 * The four models of ViViT (Arnab et al. 2021, section 3.3, table 2) on equal terms: clips of one shape whose class is
 * the order of its two movements, which no frame alone and no mean of frames tells. Same clips, steps and seeds for all.
 *
 * Here a clip has 64 tokens of width 96, so that products with the weights are nearly all of the cost: model 3, which
 * has more weights, costs more than attention over everything. What the paper saves is told at its own size.
 */
import {
  costOf,
  input,
  type Learned,
  nn,
  type Reproduction,
  stream,
  type ViViTConfig,
  type ViViTModel,
  vivit,
  vivitModels,
  vivitSizes,
} from 'tubelet'
import { motionBatch, motionClasses } from 'tubelet/node'
import { type Learning, trainTask } from './vit/task.ts'

const [frames, size, batch, tested] = [8, 32, 32, 1024]
const config: ViViTConfig = {
  frames,
  imageSize: [size, size],
  tubelet: [2, 8, 8],
  channels: 3,
  classes: motionClasses.length,
  width: 96,
  depth: 4,
  heads: 4,
  hidden: 384,
  activation: 'gelu_fast',
  qkvBias: true,
  eps: 1e-6,
  temporalDepth: 2,
}
const inSmall = { ...config, width: 64, depth: 2, hidden: 256, temporalDepth: 1 }

export default {
  name: 'vivit-models',
  system: 'ViViT',
  source: 'Arnab et al. 2021, section 3.3 and table 2',
  claim: {
    en: "Attention over all of space and time is as accurate as the best of its factorised forms to 3 points; at the paper's size it costs the most, the factorised self-attention less, the factorised encoder and dot product least.",
    zh: '时空联合注意力的准确率与最好的分解形式相差不超过 3 个百分点；在论文的尺寸下它计算量最大，分解自注意力次之，分解编码器和分解点积注意力最小。',
  },
  seeds: [1, 2],

  async measure(context) {
    const { quick, report } = context
    const steps = quick ? 150 : 1000
    const figures: Record<string, number> = {}
    const series: Record<string, Learned['curve']> = {}
    for (const model of vivitModels) {
      report(`${model}: ${steps} steps`)
      const arm = { ...(quick ? inSmall : config), model }
      const { curve, accuracy } = await trainArm(arm, { ...context, steps })
      series[model] = curve
      figures[`${model}: accuracy`] = accuracy
      figures[`${model}: 10⁶ multiply-adds a clip`] = multiplyAdds(arm) / 1e6
      figures[`${model}: 10⁹ multiply-adds at the paper's size`] =
        multiplyAdds({ ...vivitSizes['ViViT-B/16x2'], model }) / 1e9
    }
    return { figures, series }
  },

  holds(seeds, { quick }) {
    const value = (model: ViViTModel, what: string) =>
      seeds.reduce((sum, figures) => sum + figures[`${model}: ${what}`], 0) / seeds.length
    const [joint, encoder, selfAttention, dotProduct] = vivitModels
    const cost = (model: ViViTModel) => value(model, "10⁹ multiply-adds at the paper's size")
    const learned = value(joint, 'accuracy') > (quick ? 0.7 : 0.9) // without the order of frames at most 0.5
    const best = Math.max(...[encoder, selfAttention, dotProduct].map((model) => value(model, 'accuracy')))
    return (
      learned &&
      value(joint, 'accuracy') > best - (quick ? 0.1 : 0.03) &&
      cost(joint) > cost(selfAttention) &&
      cost(selfAttention) > cost(encoder) &&
      cost(encoder) > cost(dotProduct)
    )
  },

  charts: [
    {
      name: 'loss',
      title: { en: 'Loss of the four models', zh: '四种模型的损失' },
      x: { label: { en: 'step', zh: '步' } },
      y: { label: { en: 'cross-entropy, mean of 20 steps', zh: '交叉熵（20 步平均）' } },
      lines: vivitModels.map((model, i) => ({
        series: model,
        label: { en: model, zh: (['时空联合', '分解编码器', '分解自注意力', '分解点积注意力'] as const)[i] },
      })),
    },
  ],
} satisfies Reproduction

const trainArm = (arm: ViViTConfig, learning: Learning) =>
  trainTask(
    {
      ...{ name: 'vivit-models', shape: [batch, frames, 3, size, size], tests: tested / batch },
      logits: (p, pixels) => vivit(p, arm)(pixels).logits,
      draw(purpose, step) {
        const random = (sample: number) => stream({ seed: learning.seed, purpose: `clips ${purpose}`, step, sample })
        return motionBatch(random, { count: batch, frames, size })
      },
    },
    { ...learning, every: 20 },
  )

/** Of matrix products, for one clip. */
function multiplyAdds(arm: ViViTConfig): number {
  const { frames, channels, imageSize } = arm
  return costOf([vivit(nn.params(), arm)(input('pixels', [1, frames, channels, ...imageSize])).logits]).flops / 2
}
