/**
 * Clips and stills of any size and length in one packed row, for diffusion: each has the velocity and the loss that it has
 * alone, and almost every token is used, where buckets cut samples to their sizes and padding fills rows up (NaViT's packing,
 * Dehghani et al. 2023, for what Brooks et al. 2024 call native size, aspect and length). A text-to-video transformer on
 * the pixels of moving shapes, 1 to 4 frames of 8 to 16 pixels a side, told shape, colour and direction. All arms see as
 * many samples, the bucketed one as much of each as the largest bucket that it covers. The held-out loss is that of whole
 * samples in their own sizes.
 */
import { addAll, filled, mul, nn, type Params, pack, type Reproduction, stream } from 'tubelet'
import { type RowPlan, rowArrays, rowLoss, rowRun, tokensOf } from './native/clip-rows.ts'
import {
  channels,
  clipArrays,
  clipConfig,
  clipLoss,
  clipTransformer,
  learnClips,
  type NumberedClip,
} from './native/clip-transformer.ts'
import { type ClipSize, drawMovingShape, paintClip } from './native/clips.ts'

const packing = { length: 64, slots: 16, largest: { frames: 4, height: 16, width: 16 } }
const rows = 4 // in a batch
const buckets = [1, 3].flatMap((frames) => [8, 12].map((side) => ({ frames, height: side, width: side })))
const perBucket = 4

export default {
  name: 'sora-packing',
  system: 'Sora',
  source: 'Dehghani et al. 2023, section 2.1; Brooks et al. 2024, "Variable durations, resolutions, aspect ratios"',
  claim: {
    en: 'Clips and stills of any size and length packed into rows have the loss that each has alone; nearly all tokens are used, which padding wastes and buckets cut away; training is faster than padded at an equal loss.',
    zh: '任意尺寸和长度的视频与图片打包成行后，损失与各自单独计算时相同；几乎所有 token 都被用到，而填充会浪费、分桶会裁掉；损失相同时训练比填充更快。',
  },
  seeds: [1, 2],
  timed: true,

  async measure(context) {
    const { runtime, seed, quick, report } = context
    const count = quick ? 1200 : 40_000
    const config = clipConfig(quick ? { width: 32, depth: 2 } : { width: 96, depth: 4 })
    const sizes = Array.from({ length: count }, (_, i) => drawnSize(seed, 'train', i))
    const lengths = sizes.map(tokensOf)
    const clip = (i: number) => drawnClip(seed, 'train', i)
    const placed = pack(lengths, { length: packing.length, most: packing.slots })
    const alone = sizes.map((_, i) => [i])
    const each = Math.round((rows * count) / placed.length) // samples of a batch
    const figures: Record<string, number> = {
      'tokens used, packed': filled(placed, lengths, packing.length),
      'tokens used, padded': filled(alone, lengths, packing.length),
      'part of the data that buckets keep':
        sizes.reduce((sum, one) => sum + tokensOf(buckets[bucketOf(one)]), 0) / lengths.reduce((a, b) => a + b),
    }
    const series: Record<string, readonly (readonly [number, number])[]> = {}
    const inBuckets = buckets.map((_, b) => [...sizes.keys()].filter((i) => bucketOf(sizes[i]) === b))
    const arms = {
      packed: rowRun({ ...packing, placed, rows, clip }, config, seed),
      padded: rowRun({ ...packing, slots: 1, placed: alone, rows: each, clip }, config, seed),
      bucketed: {
        steps: Math.floor(count / (perBucket * buckets.length)),
        samples: perBucket * buckets.length,
        build(p: Params) {
          const predict = clipTransformer(p, config)
          const losses = buckets.map((bucket, b) => clipLoss(predict, perBucket, bucket, `${b} `))
          return { loss: mul(addAll(losses), 1 / buckets.length) }
        },
        batch: (step: number) =>
          Object.assign(
            {},
            ...buckets.map((bucket, b) => {
              const numbers = Array.from({ length: perBucket }, (_, k) => step * perBucket + k)
              const chosen = numbers.map((k) => cut(clip(inBuckets[b][k % inBuckets[b].length]), bucket))
              return clipArrays(chosen, seed, `${b} `)
            }),
          ),
      },
    }
    const held = heldOut(seed, quick ? 64 : 256)
    for (const [name, run] of Object.entries(arms)) {
      report(name)
      const begin = performance.now()
      const { weights, curve } = await learnClips({ name: `sora-packing-${name}`, ...run }, context)
      if (!quick) figures[`clips/s, ${name}`] = (1000 * count) / (performance.now() - begin)
      series[name] = curve
      const evaluation = await runtime.load({ loss: rowLoss(nn.params(), config, held) }, { constants: weights })
      const { loss } = await evaluation.run(rowArrays(held.placed, held, seed))
      figures[`loss on held-out samples, ${name}`] = loss[0]
      await evaluation.release()
      if (name !== 'packed') continue
      // The same samples, each by the network that knows nothing of rows.
      const predict = clipTransformer(nn.params(), config)
      let sum = 0
      for (const one of held.clips) {
        const program = await runtime.load({ loss: clipLoss(predict, 1, one.planes) }, { constants: weights })
        sum += (await program.run(clipArrays([one], seed))).loss[0]
        await program.release()
      }
      figures['difference of the held-out loss, packed or alone'] = Math.abs(sum / held.clips.length - loss[0])
    }
    return { figures, series }
  },

  holds: (seeds, { quick }) =>
    seeds.every(
      (figures) =>
        figures['tokens used, packed'] > 0.95 &&
        figures['tokens used, padded'] < 0.5 &&
        figures['part of the data that buckets keep'] < 0.8 &&
        figures['difference of the held-out loss, packed or alone'] < 1e-4 &&
        figures['loss on held-out samples, packed'] < (quick ? 0.2 : 0.1) &&
        figures['loss on held-out samples, packed'] < 1.1 * figures['loss on held-out samples, padded'] &&
        figures['loss on held-out samples, packed'] < figures['loss on held-out samples, bucketed'] &&
        (quick || figures['clips/s, packed'] > 1.5 * figures['clips/s, padded']),
    ),

  charts: [
    {
      name: 'loss',
      title: { en: 'Training loss by step', zh: '训练损失' },
      x: { label: { en: 'step', zh: '步' } },
      y: { label: { en: 'loss', zh: '损失' } },
      lines: [
        { series: 'packed', label: { en: 'packed', zh: '打包' } },
        { series: 'padded', label: { en: 'padded', zh: '填充' } },
        { series: 'bucketed', label: { en: 'bucketed', zh: '分桶' } },
      ],
    },
  ],
} satisfies Reproduction

/** The size of sample i of a set: a still or 2 to 4 frames whose height and width are 8, 12 or 16 pixels. */
function drawnSize(seed: number, set: string, i: number): ClipSize {
  const random = stream({ seed, purpose: `sizes ${set}`, sample: i })
  return { frames: 1 + random.integer(4), height: 8 + 4 * random.integer(3), width: 8 + 4 * random.integer(3) }
}

function drawnClip(seed: number, set: string, i: number): NumberedClip {
  const size = drawnSize(seed, set, i)
  const scene = drawMovingShape(stream({ seed, purpose: `scene ${set}`, sample: i }), size)
  return { ...paintClip(scene, size), number: i }
}

/** Clips that training has not seen, in rows, under numbers that it has not used. */
function heldOut(seed: number, count: number): RowPlan & { readonly clips: readonly NumberedClip[] } {
  const clips = Array.from({ length: count }, (_, i) => ({ ...drawnClip(seed, 'held out', i), number: 1e6 + i }))
  const lengths = clips.map(({ planes }) => tokensOf(planes))
  const placed = pack(lengths, { length: packing.length, most: packing.slots })
  return { ...packing, placed, rows: placed.length, clips, clip: (i) => clips[i] }
}

/** The front left part of a clip, of a bucket's size. */
function cut({ planes, ...clip }: NumberedClip, bucket: ClipSize): NumberedClip {
  const { frames, height, width } = bucket
  const pixels = new Float32Array(channels * frames * height * width)
  let to = 0
  for (let c = 0; c < channels; c++)
    for (let t = 0; t < frames; t++)
      for (let y = 0; y < height; y++, to += width) {
        const from = ((c * planes.frames + t) * planes.height + y) * planes.width
        pixels.set(planes.pixels.subarray(from, from + width), to)
      }
  return { ...clip, planes: { ...bucket, pixels } }
}

/** The largest bucket that a clip covers. */
const bucketOf = ({ frames, height, width }: ClipSize): number =>
  buckets.findLastIndex((one) => one.frames <= frames && one.height <= Math.min(height, width))
