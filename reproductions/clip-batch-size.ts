/**
 * CLIP asks of each picture which of the texts of its batch is its own, so a larger batch asks a harder question, and a
 * batch in which captions come twice asks one that has no answer. SigLIP's sigmoid asks of each pair alone. Both are
 * trained on single shapes with exact captions (size, colour, shape, place: 648 concepts), and classify pictures by the
 * texts of all concepts.
 */
import {
  type ClipConfig,
  captionShapes,
  clipLogits,
  clipLoss,
  clipModel,
  input,
  maxLogScale,
  paintShapes,
  pairScale,
  params,
  placedShapes,
  type Reproduction,
  type ReproductionContext,
  type ShapeGroup,
  shapeColours,
  shapeKinds,
  shapePlaces,
  shapeSizes,
  siglipLoss,
  stream,
  tokenizer,
  trainTokenizer,
  warmupCosine,
  zeroShotClasses,
} from 'tubelet'
import { composited } from 'tubelet/node'

const size = 24
const context = 16
const width = 64
const encoder = {
  width,
  depth: 2,
  heads: 4,
  hidden: 4 * width,
  activation: 'quick_gelu',
  qkvBias: true,
  eps: 1e-5,
} as const

const keys = <T extends object>(table: T) => Object.keys(table) as (keyof T)[]
const concepts: ShapeGroup[] = keys(shapeKinds).flatMap((shape) =>
  keys(shapeColours).flatMap((colour) =>
    keys(shapeSizes).flatMap((size) => shapePlaces.map((_, cell) => ({ shape, colour, size, cells: [cell] }))),
  ),
)
const captions = concepts.map((concept) => captionShapes([concept], 'en', 'long'))
const words = tokenizer(trainTokenizer(captions, { size: 400 }))
const config: ClipConfig = {
  vision: { ...encoder, imageSize: size, patchSize: 8, channels: 3 },
  text: { ...encoder, vocabulary: words.size, context, endOfText: words.end },
  projection: width,
}

type Loss = 'CLIP' | 'SigLIP'

interface Arm {
  readonly loss: Loss
  readonly batch: number
  readonly distinct: number // concepts in a batch
}

const sizes = [16, 32, 64, 128, 256, 512]
const crowd = 256 // the batch in which captions come more than once
const fewer = [8, 32, 128] // distinct concepts in it

export default {
  name: 'clip-batch-size',
  system: 'CLIP',
  source: 'Radford et al. 2021, sections 2.3 and 2.5; Zhai et al. 2023 (SigLIP), section 4.2',
  claim: {
    en: 'CLIP starts at a loss of ln(batch); zero-shot accuracy falls when the same number of pairs comes from fewer distinct concepts in a batch.',
    zh: 'CLIP 的初始损失是 ln(批大小)；同样多的图文对，批内不同概念越少，零样本准确率越低。',
  },
  seeds: [1, 2],

  async measure(context) {
    const { quick } = context
    const samples = quick ? 60_000 : 100_000
    const arms: readonly Arm[] = (quick ? (['CLIP'] as const) : (['CLIP', 'SigLIP'] as const)).flatMap((loss) => [
      ...(quick ? [crowd] : sizes).map((batch) => ({ loss, batch, distinct: batch })),
      ...(quick ? [8] : fewer).map((distinct) => ({ loss, batch: crowd, distinct })),
    ])
    const figures: Record<string, number> = {}
    const series: Record<string, [number, number][]> = {}
    for (const arm of arms) {
      const { loss, batch, distinct } = arm
      const what = `${loss}, batch ${batch}${distinct < batch ? `, ${distinct} concepts` : ''}`
      context.report(`${what}: ${samples} pairs`)
      const { first, accuracy } = await measureArm(arm, samples, context)
      figures[`accuracy: ${what}`] = accuracy
      if (loss === 'CLIP') figures[`first loss / ln(batch): ${what}`] = first / Math.log(batch)
      const add = (name: string, x: number) => {
        series[name] = [...(series[name] ?? []), [x, accuracy]]
      }
      if (distinct === batch) add(`${loss} by batch`, batch)
      if (batch === crowd) add(`${loss} by concepts`, distinct)
    }
    for (const points of Object.values(series)) points.sort(([a], [b]) => a - b)
    return { figures, series }
  },

  holds: (seeds) =>
    seeds.every((figures) => {
      const first = Object.entries(figures).filter(([name]) => name.startsWith('first loss'))
      const [few, many] = [
        figures[`accuracy: CLIP, batch ${crowd}, 8 concepts`],
        figures[`accuracy: CLIP, batch ${crowd}`],
      ]
      return first.every(([, ratio]) => Math.abs(ratio - 1) < 0.1) && few < many - 0.1
    }),

  charts: [
    {
      name: 'batch',
      title: {
        en: 'Zero-shot accuracy by batch size, at equal pairs seen',
        zh: '零样本准确率与批大小（看过的图文对一样多）',
      },
      x: { label: { en: 'batch', zh: '批大小' }, log: true },
      y: { label: { en: 'accuracy, 648 classes', zh: '准确率（648 类）' } },
      lines: [
        { series: 'CLIP by batch', label: { en: 'CLIP', zh: 'CLIP' } },
        { series: 'SigLIP by batch', label: { en: 'SigLIP', zh: 'SigLIP' } },
      ],
    },
    {
      name: 'concepts',
      title: {
        en: 'Zero-shot accuracy by distinct concepts in a batch of 256',
        zh: '批大小 256 时，零样本准确率与批内不同概念数',
      },
      x: { label: { en: 'distinct concepts', zh: '不同概念数' }, log: true },
      y: { label: { en: 'accuracy, 648 classes', zh: '准确率（648 类）' } },
      lines: [
        { series: 'CLIP by concepts', label: { en: 'CLIP', zh: 'CLIP' } },
        { series: 'SigLIP by concepts', label: { en: 'SigLIP', zh: 'SigLIP' } },
      ],
    },
  ],
} satisfies Reproduction

/** Trains one arm; the loss of its first step, and how often a new picture is nearest to its own text. */
async function measureArm(
  { loss, batch, distinct }: Arm,
  samples: number,
  { runtime, seed, learn }: ReproductionContext,
) {
  const steps = Math.floor(samples / batch)
  const { weights, curve } = await learn(
    {
      name: 'clip-batch-size',
      seed,
      steps,
      samples: batch,
      build(p) {
        const { image, text, scale } = clipModel(p, config)
        const pictures = image(input('pixels', [batch, 3, size, size])).embedding
        const texts = text(input('ids', [batch, context], 'int32')).embedding
        if (loss === 'CLIP') return { loss: clipLoss(pictures, texts, scale()) }
        return { loss: siglipLoss(pictures, texts, pairScale(p.at('sigmoid'))) }
      },
      batch(step) {
        const order = stream({ seed, purpose: 'concepts', step }).permutation(concepts.length)
        const chosen = Array.from({ length: batch }, (_, b) => order[b % distinct])
        const ids = new Int32Array(batch * context)
        chosen.forEach((n, b) => {
          ids.set(words.encode(captions[n], context), b * context)
        })
        return { pixels: pictures(chosen, { seed, purpose: 'picture', step }), ids }
      },
      lr: warmupCosine({ peak: 1e-3 * Math.sqrt(batch / 128), warmup: Math.floor(steps / 10), total: steps }),
      optimizer: { beta2: 0.98, weightDecay: 0.1, clip: 1 },
      frozen: (name) => loss === 'SigLIP' && name === 'logit_scale', // SigLIP has a scale of its own
      after: (weights) => weights.logit_scale?.fill(Math.min(maxLogScale, weights.logit_scale[0])),
    },
    { every: 1 },
  )
  return { first: curve[0][1], accuracy: await zeroShotAccuracy(weights, { runtime, seed }) }
}

/** Pictures [N, 3, S, S] of concepts, each a little off its place and size, on a plain background. */
function pictures(chosen: readonly number[], place: { seed: number; purpose: string; step?: number }): Float32Array {
  const out = new Float32Array(chosen.length * 3 * size * size)
  chosen.forEach((n, b) => {
    const random = stream({ ...place, sample: b })
    const [x, y, r, light] = random.uniform(4)
    const [shape] = placedShapes([concepts[n]])
    const moved = {
      ...shape,
      x: shape.x + 0.12 * (x - 0.5),
      y: shape.y + 0.12 * (y - 0.5),
      radius: shape.radius * (0.85 + 0.3 * r),
    }
    const grey = 60 + 195 * light
    composited(
      paintShapes([moved], size),
      [grey, grey, grey],
      out.subarray(b * 3 * size * size, (b + 1) * 3 * size * size),
    )
  })
  return out
}

/** Two new pictures of each concept among the texts of all: how often the nearest is its own. */
async function zeroShotAccuracy(
  weights: Readonly<Record<string, Float32Array>>,
  { runtime, seed }: Pick<ReproductionContext, 'runtime' | 'seed'>,
): Promise<number> {
  const p = params()
  const { image, text } = clipModel(p, config)
  const reading = await runtime.load({ y: text(input('ids', [1, context], 'int32')).embedding }, { constants: weights })
  const ofText = async (caption: string) =>
    Float32Array.from((await reading.run({ ids: words.encode(caption, context) })).y as Float32Array)
  const classes = await zeroShotClasses(captions, { templates: ['{}'], ofText })
  await reading.release()
  const C = concepts.length
  const texts = input('texts', [C, width])
  const logits = clipLogits(image(input('pixels', [C, 3, size, size])).embedding, texts, input('one', []))
  const seeing = await runtime.load({ logits }, { constants: weights })
  let right = 0
  for (const step of [0, 1]) {
    const pixels = pictures(Array.from(concepts.keys()), { seed, purpose: 'test picture', step })
    const all = { pixels, texts: Float32Array.from(classes.flatMap((row) => [...row])), one: Float32Array.of(1) }
    const { logits } = await seeing.run(all)
    for (let n = 0; n < C; n++) {
      const row = (logits as Float32Array).subarray(n * C, (n + 1) * C)
      if (row.indexOf(Math.max(...row)) === n) right += 1
    }
  }
  await seeing.release()
  return right / (2 * C)
}
