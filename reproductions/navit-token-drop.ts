/**
 * Leaving tokens out in training lets a row hold more pictures: the more are left out, the more pictures the same number of
 * tokens shows, up to a point at which accuracy falls (Dehghani et al. 2023, section 2.2). All arms train on the
 * same number of rows of 256 tokens; test pictures are whole.
 */
import { type DropRate, drawRate, keptTokens, type Reproduction, stream } from 'tubelet'
import { accuracy, packed, trainClassifier } from './native/classifier.ts'
import { drawnPicture, native, tokensAt } from './native/pictures.ts'

const side = 32
const length = 256
const arms: readonly { readonly name: string; readonly rate: DropRate }[] = [
  { name: '0', rate: 0 },
  { name: '0.25', rate: 0.25 },
  { name: '0.5', rate: 0.5 },
  { name: '0.9', rate: 0.9 },
  { name: 'sampled', rate: { most: 0.9, a: 2, b: 2 } },
]

export default {
  name: 'navit-token-drop',
  system: 'NaViT',
  source: 'Dehghani et al. 2023, section 2.2',
  claim: {
    en: 'At half of the tokens left out, a row trains on twice as many pictures and the model is about as accurate on whole ones; at nine of ten it is not.',
    zh: '丢掉一半 token，同样长的行能训练两倍的图片，对完整图片的准确率相差不大；丢掉九成就不行了。',
  },
  seeds: [1, 2],
  timed: true,

  async measure({ runtime, seed, quick, learn, report }) {
    const rows = quick ? 1600 : 6000
    const figures: Record<string, number> = {}
    const series: Record<string, [number, number][]> = { accuracy: [], pictures: [] }
    for (const { name, rate } of quick ? arms.filter((arm) => arm.name !== '0.25' && arm.name !== 'sampled') : arms) {
      report(`drop rate ${name}`)
      const count = Math.ceil((rows * 8) / (typeof rate === 'number' ? Math.max(0.15, 1 - rate) : 0.5))
      const pictures = Array.from({ length: count }, (_, i) => drawnPicture(seed, 'train', i))
      const kept = pictures.map((picture, i) => {
        const random = stream({ seed, purpose: 'drop', sample: i })
        return keptTokens(tokensAt(picture, side), drawRate(random, rate), random)
      })
      const lengths = kept.map((tokens) => tokens.length)
      const see = (i: number) => ({ planes: native(pictures[i], side), kept: kept[i], label: pictures[i].label })
      const placed = packed(lengths, length).placed.slice(0, rows)
      const trained = await trainClassifier({ placed, length, rows: 4, see }, { seed, quick, learn })
      const right = await accuracy({ weights: trained.weights, runtime, quick, seed, length, side })
      figures[`accuracy, ${name}`] = right
      figures[`tokens of a picture, ${name}`] = lengths.reduce((a, b) => a + b) / count
      figures[`pictures of a row, ${name}`] = trained.pictures / placed.length
      if (!quick) figures[`pictures/s, ${name}`] = trained.perSecond
      if (typeof rate !== 'number') continue
      series.accuracy.push([rate, right])
      series.pictures.push([rate, trained.pictures / placed.length])
    }
    return { figures, series }
  },

  holds: (seeds, { quick }) =>
    seeds.every(
      (figures) =>
        figures['pictures of a row, 0.5'] > 1.8 * figures['pictures of a row, 0'] &&
        figures['accuracy, 0.5'] > figures['accuracy, 0'] - (quick ? 0.1 : 0.03) &&
        figures['accuracy, 0.5'] > figures['accuracy, 0.9'] + 0.05,
    ),

  charts: [
    {
      name: 'accuracy',
      title: { en: 'Accuracy on whole pictures by drop rate', zh: '完整图片上的准确率与丢弃率' },
      x: { label: { en: 'tokens left out', zh: '丢弃率' } },
      y: { label: { en: 'accuracy', zh: '准确率' } },
      lines: [{ series: 'accuracy', label: { en: 'accuracy', zh: '准确率' } }],
    },
    {
      name: 'pictures',
      title: { en: 'Pictures of a row by drop rate', zh: '每行图片数与丢弃率' },
      x: { label: { en: 'tokens left out', zh: '丢弃率' } },
      y: { label: { en: 'pictures', zh: '图片数' } },
      lines: [{ series: 'pictures', label: { en: 'pictures of a row', zh: '每行图片数' } }],
    },
  ],
} satisfies Reproduction
