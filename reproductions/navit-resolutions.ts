/**
 * Trained on pictures of many sizes, one model reads all of them better than one that saw a single size (Dehghani et al.
 * 2023, sections 2.2 and 3.2). Both arms see the same shapes in their own aspects, as often, in packed rows; the
 * mean number of their tokens differs by less than a fifth.
 */
import { drawSide, type Reproduction, stream } from 'tubelet'
import { accuracy, packed, trainClassifier } from './native/classifier.ts'
import { drawnPicture, native, tokensAt } from './native/pictures.ts'

const [least, most, single] = [12, 44, 32]
const testSides = [12, 16, 20, 24, 32, 40, 48, 56]
const length = 256

export default {
  name: 'navit-resolutions',
  system: 'NaViT',
  source: 'Dehghani et al. 2023, sections 2.2 and 3.2',
  claim: {
    en: 'Trained on sampled sizes, one model is more accurate over all test sizes together, and far more at its worst one, than one trained on a single size.',
    zh: '训练时采样不同尺寸的模型，在各种测试尺寸上的平均准确率更高，最差尺寸上的准确率高得多；对照是只用一种尺寸训练的模型。',
  },
  seeds: [1, 2],

  async measure({ runtime, seed, quick, learn, report }) {
    const count = quick ? 16_000 : 50_000
    const pictures = Array.from({ length: count }, (_, i) => drawnPicture(seed, 'train', i))
    const arms: Record<string, (i: number) => number> = {
      mixed: (i) => drawSide(stream({ seed, purpose: 'side', sample: i }), { least, most }),
      one: () => single,
    }
    const figures: Record<string, number> = {}
    const series: Record<string, [number, number][]> = {}
    for (const [name, sideOf] of Object.entries(arms)) {
      report(`trained on ${name === 'one' ? `sides of ${single}` : `sides of ${least} to ${most}`}`)
      const lengths = pictures.map((picture, i) => tokensAt(picture, sideOf(i)))
      const see = (i: number) => ({ planes: native(pictures[i], sideOf(i)), label: pictures[i].label })
      const plan = { placed: packed(lengths, length).placed, length, rows: 4, see }
      const { weights } = await trainClassifier(plan, { seed, quick, learn })
      series[name] = []
      for (const side of testSides)
        series[name].push([side, await accuracy({ weights, runtime, quick, seed, length: 512, side })])
      figures[`tokens of a picture, ${name}`] = lengths.reduce((a, b) => a + b) / count
      figures[`mean accuracy over test sides, ${name}`] =
        series[name].reduce((sum, [, value]) => sum + value, 0) / testSides.length
      figures[`least accuracy over test sides, ${name}`] = Math.min(...series[name].map(([, value]) => value))
      figures[`accuracy at ${single}, ${name}`] = series[name][testSides.indexOf(single)][1]
    }
    return { figures, series }
  },

  holds: (seeds, { quick }) =>
    seeds.every((figures) => {
      const gain = (name: string) => figures[`${name}, mixed`] - figures[`${name}, one`]
      return (
        gain('mean accuracy over test sides') > (quick ? 0.01 : 0.02) && gain('least accuracy over test sides') > 0.05
      )
    }),

  charts: [
    {
      name: 'sides',
      title: { en: 'Accuracy by test size', zh: '不同测试尺寸的准确率' },
      x: { label: { en: 'side √(H · W), pixels', zh: '边长 √(H · W)，像素' } },
      y: { label: { en: 'accuracy', zh: '准确率' } },
      lines: [
        { series: 'mixed', label: { en: 'trained on sides of 12 to 44', zh: '训练边长 12 到 44' } },
        { series: 'one', label: { en: 'trained on sides of 32', zh: '训练边长 32' } },
      ],
    },
  ],
} satisfies Reproduction
