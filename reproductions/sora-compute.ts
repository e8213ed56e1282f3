/**
 * Quality of a text-to-video transformer over its training compute (Brooks et al. 2024, "Scaling transformers for video
 * generation": one prompt and seed at base compute, 4 times and 32 times as much). Here the three arms take 1, 4 and 16
 * times the compute: the same network for 1, 4 and 16 times as many steps, as the report compares samples "as training
 * progresses". Each arm is a run of its own, so that each lets its learning rate fall to the end. Clips are moving shapes of
 * 3 frames of 16 × 16 pixels, told shape, colour and direction, and never the same twice; what a drawn clip shows is read
 * exactly.
 */
import {
  costOf,
  input,
  type Learned,
  nn,
  type Reproduction,
  type ReproductionContext,
  stream,
  type WanConfig,
} from 'tubelet'
import { pictureGrid } from 'tubelet/node'
import { joined } from './digits/pictures.ts'
import { readClip } from './native/clip-judge.ts'
import {
  channels,
  clipArrays,
  clipConfig,
  clipLoss,
  clipTransformer,
  drawClips,
  learnClips,
  type NumberedClip,
} from './native/clip-transformer.ts'
import {
  drawMovingShape,
  framesOf,
  paintClip,
  type Subject,
  textDim,
  textLength,
  textOf,
  wantedSubjects,
} from './native/clips.ts'

const size = { frames: 3, height: 16, width: 16 }
const arms = [1, 4, 16] as const
const heldOut = 32 // batches
const shown = 4 // prompts in the pictures
const parts = ['shape', 'colour', 'direction'] as const

export default {
  name: 'sora-compute',
  system: 'Sora',
  source: 'Brooks et al. 2024, "Scaling transformers for video generation"',
  claim: {
    en: 'The more compute goes into training a text-to-video transformer, at 1, 4 and 16 times, the lower is its loss on clips it has not seen, and the more often a drawn clip shows the shape, colour and direction that were asked for.',
    zh: '训练文生视频 Transformer 的计算量增加到 4 倍、16 倍时，未见过的视频上的损失逐步降低，画出的视频也更常符合所要的形状、颜色和方向。',
  },
  seeds: [1, 2],

  async measure(context) {
    const { seed, quick, report } = context
    const config = clipConfig(quick ? { width: 32, depth: 2 } : { width: 64, depth: 4 })
    const [batch, base] = quick ? [16, 16] : [16, 800]
    const wanted = wantedSubjects(quick ? 48 : 288)
    const held = clipsFrom({ seed, set: 'held out' }, 0, heldOut * batch)
    const [real, scenes] = [held.map(({ planes }) => planes.pixels), held.map(({ scene }) => scene)]
    const figures: Record<string, number> = { 'all right in real clips': shares(real, scenes).all }
    const series: Record<string, (readonly [number, number])[]> = { error: [] }
    const rows: Float32Array[] = []
    for (const times of arms) {
      const steps = base * times
      report(`${times} × compute: ${steps} steps`)
      const { weights, curve } = await learnClips(
        {
          ...{ name: `sora-compute-${times}`, steps, samples: batch },
          build: (p) => ({ loss: clipLoss(clipTransformer(p, config), batch, size) }),
          batch: (step) => clipArrays(clipsFrom({ seed, set: 'train' }, step * batch, batch), seed),
        },
        context,
      )
      const error = await meanLoss({ weights, config }, held, { ...context, batch })
      const drawn = await drawClips({ weights, config }, wanted.map(textOf), { ...size, ...context })
      rows.push(framesOf(drawn.slice(0, shown), size))
      figures[`${times} × compute: 10⁹ multiply-adds in training`] = (3 * forward(config) * batch * steps) / 1e9
      figures[`${times} × compute: loss on held-out noise`] = error
      series[`loss, ${times}`] = [...curve]
      series.error.push([times, error])
      for (const [part, share] of Object.entries(shares(drawn, wanted))) {
        figures[`${times} × compute: ${part} right`] = share
        series[part] = [...(series[part] ?? []), [times, share]]
      }
    }
    const grid = { channels, height: size.height, width: size.width, columns: shown * size.frames, scale: 4 } as const
    return { figures, series, pictures: { clips: await pictureGrid(joined(rows), grid) } }
  },

  holds: (seeds, { quick }) =>
    seeds.every((figures) => {
      const [least, middle, most] = arms.map((times) => ({
        error: figures[`${times} × compute: loss on held-out noise`],
        right: figures[`${times} × compute: all right`],
      }))
      const falls = most.error < middle.error && middle.error < least.error
      const rises = most.right > middle.right + 0.1 && middle.right > least.right && most.right > 0.6
      return figures['all right in real clips'] === 1 && falls && (quick || rises)
    }),

  charts: [
    {
      name: 'error',
      title: { en: 'Loss on held-out noise over compute', zh: '未见过的视频上的损失与计算量' },
      x: { label: { en: 'training compute, 1 = base', zh: '训练计算量（1 为基准）' }, log: true },
      y: { label: { en: 'loss', zh: '损失' } },
      lines: [{ series: 'error', label: { en: 'held-out loss', zh: '损失' } }],
    },
    {
      name: 'right',
      title: { en: 'Drawn clips that show what was asked for', zh: '画出的视频符合要求的比例' },
      x: { label: { en: 'training compute, 1 = base', zh: '训练计算量（1 为基准）' }, log: true },
      y: { label: { en: 'part of the clips', zh: '比例' } },
      lines: [
        { series: 'shape', label: { en: 'shape', zh: '形状' } },
        { series: 'colour', label: { en: 'colour', zh: '颜色' } },
        { series: 'direction', label: { en: 'direction', zh: '方向' } },
        { series: 'all', label: { en: 'all three', zh: '三者都对' } },
      ],
    },
    {
      name: 'loss',
      title: { en: 'Training loss by step', zh: '训练损失' },
      x: { label: { en: 'step', zh: '步' }, log: true },
      y: { label: { en: 'loss', zh: '损失' }, log: true },
      lines: arms.map((times) => ({
        series: `loss, ${times}`,
        label: { en: `${times} × compute`, zh: `${times} 倍计算量` },
      })),
    },
  ],
  pictures: [
    {
      name: 'clips',
      title: {
        en: 'Four prompts, three frames each, from the same noise; a row each: 1, 4 and 16 times the compute',
        zh: '同样的噪声和四个提示词，各三帧；每行一种：1、4、16 倍计算量',
      },
    },
  ],
} satisfies Reproduction

/** Clips of a set, from one number on; those of training are never the same twice. */
const clipsFrom = ({ seed, set }: { seed: number; set: 'train' | 'held out' }, first: number, count: number) =>
  Array.from({ length: count }, (_, i): NumberedClip => {
    const scene = drawMovingShape(stream({ seed, purpose: `scene ${set}`, sample: first + i }), size)
    return { ...paintClip(scene, size), number: set === 'train' ? first + i : 1e9 + i } // for noise of their own
  })

/** Part of the clips that show what is wanted. */
function shares(
  clips: readonly Float32Array[],
  wanted: readonly Subject[],
): Record<(typeof parts)[number] | 'all', number> {
  const seen = clips.map((pixels) => readClip(pixels, size))
  const share = (which: readonly (typeof parts)[number][]) =>
    seen.filter((clip, i) => which.every((part) => clip[part] === wanted[i][part])).length / clips.length
  return { shape: share(['shape']), colour: share(['colour']), direction: share(['direction']), all: share(parts) }
}

/** Mean loss over clips, batch by batch, at the noise and times that belong to them. */
async function meanLoss(
  { weights, config }: Pick<Learned, 'weights'> & { config: WanConfig },
  clips: readonly NumberedClip[],
  { runtime, seed, batch }: ReproductionContext & { batch: number },
): Promise<number> {
  const loss = clipLoss(clipTransformer(nn.params(), config), batch, size)
  const program = await runtime.load({ loss }, { constants: weights })
  let sum = 0
  for (let first = 0; first < clips.length; first += batch)
    sum += (await program.run(clipArrays(clips.slice(first, first + batch), seed))).loss[0]
  await program.release()
  return (sum * batch) / clips.length
}

/** Multiply-adds of one clip through the network; its gradient takes twice as many more. */
const forward = (config: WanConfig): number =>
  costOf([
    clipTransformer(nn.params(), config)(
      input('x', [1, channels, size.frames, size.height, size.width]),
      input('t', [1]),
      input('text', [1, textLength, textDim]),
    ),
  ]).flops / 2
