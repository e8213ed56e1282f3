/**
 * What matters in a ViT (Dosovitskiy et al. 2021, table 5 and appendices D.3 and D.4) on equal terms: pictures of one
 * shape anywhere, to be told which it is and in which quarter of the picture. Same pictures, steps and seeds for all.
 * Attention rollout (Abnar & Zuidema 2020) then shows where the first of them looks.
 */
import {
  attentionRollout,
  classTokenMap,
  costOf,
  input,
  type Learned,
  nn,
  type Reproduction,
  type ReproductionContext,
  stream,
  type ViTConfig,
  vit,
} from 'tubelet'
import { pictureGrid } from 'tubelet/node'
import { type Learning, shapeClasses, shapesOnGrey, trainTask } from './vit/task.ts'

const [size, batch, tested, shown] = [32, 32, 1024, 8]
const shape = [batch, 3, size, size] as const
const cells = 2 // along a side: quarters
const config: ViTConfig = {
  imageSize: [size, size],
  patchSize: [8, 8],
  channels: 3,
  classes: shapeClasses(cells),
  width: 96,
  depth: 4,
  heads: 4,
  hidden: 384,
  activation: 'gelu_fast',
  qkvBias: true,
  eps: 1e-6,
}
const inSmall: ViTConfig = { ...config, width: 64, depth: 2, hidden: 256 }
const arms: Readonly<Record<string, Partial<ViTConfig>>> = {
  'patch 4': { patchSize: [4, 4] },
  'patch 8': {},
  'patch 16': { patchSize: [16, 16] },
  'mean of the patches': { pool: 'mean' },
  'sin-cos positions': { positions: 'sin-cos' },
  'no positions': { positions: 'none' },
}

export default {
  name: 'vit-ablations',
  system: 'ViT',
  source: 'Dosovitskiy et al. 2021, table 5 and appendices D.3 and D.4; Abnar & Zuidema 2020',
  claim: {
    en: 'Patches of half the picture are less accurate than smaller ones, which cost more; where place matters positions are needed, learned or fixed, while class token and mean of the patches differ little.',
    zh: '边长为图片一半的小块不如更小的准，更小的计算量更大；需要知道位置时必须有位置编码，学出来的和固定的都行；class token 与小块平均差别不大。',
  },
  seeds: [1, 2],

  async measure(context) {
    const { quick, report } = context
    const steps = quick ? 900 : 2500
    const figures: Record<string, number> = {}
    const series: Record<string, Learned['curve']> = {}
    let pictures: Record<string, Uint8Array> = {}
    const looking = quick ? 'patch 8' : 'patch 4'
    for (const [name, change] of Object.entries(arms)) {
      if (quick && name === 'patch 4') continue // it takes as long as all others together
      report(`${name}: ${steps} steps`)
      const arm = { ...(quick ? inSmall : config), ...change }
      const { weights, curve, accuracy } = await trainArm(arm, { ...context, steps })
      series[name] = curve
      figures[`${name}: accuracy`] = accuracy
      figures[`${name}: 10⁶ multiply-adds a picture`] =
        costOf([vit(nn.params(), arm)(input('pixels', shape)).logits]).flops / 2e6 / batch
      if (name !== looking) continue
      const { share, png } = await rollouts(arm, weights, context)
      figures['rollout on the shape / share of its patches'] = share
      pictures = { rollout: png }
    }
    return { figures, series, pictures }
  },

  holds(seeds, { quick }) {
    const value = (name: string) => seeds.reduce((sum, figures) => sum + figures[name], 0) / seeds.length
    const accuracy = (name: string) => value(`${name}: accuracy`)
    const large = accuracy('patch 16') + 0.05
    return (
      accuracy('patch 8') > large &&
      (quick || accuracy('patch 4') > large) &&
      accuracy('no positions') < accuracy('patch 8') - 0.2 &&
      accuracy('no positions') < accuracy('sin-cos positions') - 0.2 &&
      Math.abs(accuracy('mean of the patches') - accuracy('patch 8')) < 0.15
    )
  },

  charts: [
    {
      name: 'patch',
      title: { en: 'Loss by the size of the patches', zh: '不同小块大小的损失' },
      x: { label: { en: 'step', zh: '步' } },
      y: { label: { en: 'cross-entropy', zh: '交叉熵' } },
      lines: ['patch 4', 'patch 8', 'patch 16'].map((name) => ({
        series: name,
        label: { en: name, zh: name.replace('patch', '小块') },
      })),
    },
    {
      name: 'positions',
      title: { en: 'Loss by positions and pooling, patch 8', zh: '不同位置编码和池化的损失（小块 8）' },
      x: { label: { en: 'step', zh: '步' } },
      y: { label: { en: 'cross-entropy', zh: '交叉熵' } },
      lines: [
        { series: 'patch 8', label: { en: 'class token, learned positions', zh: 'class token，可学习位置' } },
        { series: 'mean of the patches', label: { en: 'mean of the patches', zh: '小块平均' } },
        { series: 'sin-cos positions', label: { en: 'sin-cos positions', zh: '正弦余弦位置' } },
        { series: 'no positions', label: { en: 'no positions', zh: '没有位置' } },
      ],
    },
  ],
  pictures: [
    {
      name: 'rollout',
      title: {
        en: 'Pictures, and what the class token reads of each patch',
        zh: '图片，以及 class token 从每个小块读取的多少',
      },
    },
  ],
} satisfies Reproduction

/** Trains one arm, and tests it on pictures that it has not seen. */
const trainArm = (arm: ViTConfig, learning: Learning) =>
  trainTask(
    {
      ...{ name: 'vit-ablations', shape, tests: tested / batch },
      logits: (p, pixels) => vit(p, arm)(pixels).logits,
      draw(purpose, step) {
        const { pixels, labels } = shapes(purpose, learning.seed, step)
        return { pixels, labels }
      },
    },
    learning,
  )

const shapes = (purpose: string, seed: number, step: number) =>
  shapesOnGrey((sample) => stream({ seed, purpose: `shapes ${purpose}`, step, sample }), {
    ...{ count: batch, size, radius: 0.16, spread: 0.08, cells },
  })

/** How much more of the rollout lies on patches with something painted than there are such patches; and a picture. */
async function rollouts(arm: ViTConfig, weights: Record<string, Float32Array>, context: ReproductionContext) {
  const patch = arm.patchSize[0]
  const side = size / patch
  const { attention } = vit(nn.params(), arm)(input('pixels', shape))
  const map = classTokenMap(attentionRollout(attention), [side, side])
  const program = await context.runtime.load({ map }, { constants: weights })
  const { pixels, painted } = shapes('to look at', context.seed, 0)
  const read = (await program.run({ pixels })).map as Float32Array
  await program.release()
  let [on, all, patches] = [0, 0, 0]
  for (let b = 0; b < batch; b++) {
    const covered = new Set<number>()
    painted[b].forEach((alpha, i) => {
      if (alpha > 127) covered.add(patchOf(i, patch))
    })
    for (let n = 0; n < side * side; n++) {
      const value = read[b * side * side + n]
      all += value
      if (covered.has(n)) on += value
    }
    patches += covered.size
  }
  const share = on / all / (patches / (batch * side * side))
  return { share, png: await page(pixels, read, patch) }
}

/** The number of the patch in which a pixel lies. */
const patchOf = (i: number, patch: number): number =>
  Math.floor(Math.floor(i / size) / patch) * (size / patch) + Math.floor((i % size) / patch)

/** A row of pictures above a row of their maps, each map from black to its greatest value, white. */
function page(pixels: Float32Array, read: Float32Array, patch: number): Promise<Uint8Array> {
  const [picture, places] = [3 * size * size, (size / patch) ** 2]
  const both = new Float32Array(2 * shown * picture)
  both.set(pixels.subarray(0, shown * picture))
  for (let b = 0; b < shown; b++) {
    const map = read.subarray(b * places, (b + 1) * places)
    const most = Math.max(...map)
    for (let i = 0; i < picture; i++)
      both[(shown + b) * picture + i] = (2 * map[patchOf(i % (size * size), patch)]) / most - 1
  }
  return pictureGrid(both, { channels: 3, height: size, width: size, columns: shown, scale: 3 })
}
