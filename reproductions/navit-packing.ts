/**
 * Pictures of any size and aspect packed into rows fill them almost wholly, give the logits that they have alone, and train
 * as well as padded ones or squares, at more pictures a second (Dehghani et al. 2023, sections 2.1 and 3.1). Six shapes at
 * aspects from 1 : 3 to 3 : 1 and sides from 16 to 40 pixels, in patches of 4. All arms see the same pictures once.
 */
import { drawSide, filled, type Reproduction, stream } from 'tubelet'
import { accuracy, classify, type Plan, packed, trainClassifier } from './native/classifier.ts'
import { drawnPicture, native, squeezed, tokensAt } from './native/pictures.ts'

const [least, most] = [16, 40]
const length = 256

export default {
  name: 'navit-packing',
  system: 'NaViT',
  source: 'Dehghani et al. 2023, section 2.1, section 3.1 and appendix A.3',
  claim: {
    en: 'With a window of 64, 96 % of the tokens of packed rows are used; packed pictures have the logits of pictures alone; training on them is as good as on padded pictures, or on squares of the longest side, and faster.',
    zh: '窗口为 64 时，打包后的行有 96 % 的 token 被用到；打包的图片与单独计算的 logits 相同；用它们训练与填充、与缩成最大边长的正方形一样准，而且更快。',
  },
  seeds: [1, 2],
  timed: true,

  async measure({ runtime, seed, quick, learn, report }) {
    const count = quick ? 8000 : 40_000
    const pictures = Array.from({ length: count }, (_, i) => drawnPicture(seed, 'train', i))
    const sides = pictures.map((_, i) => drawSide(stream({ seed, purpose: 'side', sample: i }), { least, most }))
    const lengths = pictures.map((picture, i) => tokensAt(picture, sides[i]))
    const longest = lengths.reduce((a, b) => Math.max(a, b))
    const alone = pictures.map((_, i) => [i])
    const { placed, used } = packed(lengths, length)
    const see = (i: number) => ({ planes: native(pictures[i], sides[i]), label: pictures[i].label })
    const square = (i: number) => ({ planes: squeezed(pictures[i], most), label: pictures[i].label })
    const each = Math.round((4 * count) / placed.length) // pictures of a batch
    const arms: Record<string, Plan> = {
      packed: { placed, length, rows: 4, see },
      padded: { placed: alone, length: longest, rows: each, see },
      squares: { placed: alone, length: (most / 4) ** 2, rows: each, see: square },
    }
    const figures: Record<string, number> = {
      'tokens used, packed': used,
      'tokens used, packed in the order of arrival': packed(lengths, length, false).used,
      'tokens used, padded': filled(alone, lengths, longest),
    }
    const series: Record<string, readonly (readonly [number, number])[]> = {}
    for (const [name, plan] of Object.entries(arms)) {
      report(name)
      const trained = await trainClassifier(plan, { seed, quick, learn })
      const told = { weights: trained.weights, runtime, quick, seed, length, side: most }
      figures[`accuracy, ${name}`] = await accuracy({ ...told, see: name === 'squares' ? squeezed : native })
      if (!quick) figures[`pictures/s, ${name}`] = trained.perSecond
      series[name] = trained.curve.map(([step, loss]) => [(step * trained.pictures) / trained.curve.at(-1)![0], loss])
      if (name !== 'packed') continue
      const some = [0, 1, 2, 3, 4, 5, 6, 7].map(see)
      const together = await classify(some, told)
      const single = await Promise.all(some.map(async (one) => (await classify([one], told))[0]))
      figures['largest difference of a logit, packed or alone'] = Math.max(
        ...together.flatMap((row, i) => [...row].map((value, c) => Math.abs(value - single[i][c]))),
      )
    }
    return { figures, series }
  },

  holds: (seeds, { quick }) =>
    seeds.every(
      (figures) =>
        figures['tokens used, packed'] >= 0.96 &&
        figures['tokens used, packed'] > figures['tokens used, packed in the order of arrival'] &&
        figures['largest difference of a logit, packed or alone'] < 1e-4 &&
        figures['accuracy, packed'] > (quick ? 0.7 : 0.9) &&
        figures['accuracy, packed'] > figures['accuracy, padded'] - (quick ? 0.1 : 0.02) &&
        (quick ||
          (figures['accuracy, packed'] > figures['accuracy, squares'] - 0.02 &&
            figures['pictures/s, packed'] > 1.2 * figures['pictures/s, padded'] &&
            figures['pictures/s, packed'] > 1.2 * figures['pictures/s, squares'])),
    ),

  charts: [
    {
      name: 'loss',
      title: { en: 'Loss by pictures seen', zh: '损失随所见图片数的变化' },
      x: { label: { en: 'pictures', zh: '图片数' } },
      y: { label: { en: 'loss', zh: '损失' } },
      lines: [
        { series: 'packed', label: { en: 'packed', zh: '打包' } },
        { series: 'padded', label: { en: 'padded', zh: '填充' } },
        { series: 'squares', label: { en: 'squares', zh: '正方形' } },
      ],
    },
  ],
} satisfies Reproduction
