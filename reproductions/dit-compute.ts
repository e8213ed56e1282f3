/**
 * Compute and quality of diffusion transformers (Peebles & Xie 2023, section 5, figures 6 to 8): widths and patch sizes on
 * handwritten digits of 16 × 16. Smaller patches add no weights, only tokens, and so compute; the paper finds a
 * correlation of −0.93 between the logarithm of the multiply-adds and the Fréchet distance.
 */
import type { DiTConfig, Reproduction } from 'tubelet'
import { digitDiffusion, digitRows, meanError, ofDiT, scheduler, sizesOf, smallDiT } from './digits/diffusion.ts'

/** Width and patch size of each arm; the rest is DiT-Zero, four blocks deep. */
const grid = [32, 64, 96].flatMap((width) => [8, 4, 2].map((patchSize) => ({ width, patchSize })))
const inQuick = (one: (typeof grid)[number]) => one.width === 32 || (one.width === 64 && one.patchSize === 4)
const nameOf = ({ width, patchSize }: (typeof grid)[number]) => `width ${width}, patch ${patchSize}`
const configOf = (one: (typeof grid)[number]): DiTConfig => ({ ...smallDiT, ...one, heads: one.width / 16 })

export default {
  name: 'dit-compute',
  system: 'DiT',
  source: 'Peebles & Xie 2023, section 5, figures 6 to 8',
  claim: {
    en: 'The more multiply-adds a diffusion transformer takes, by width or by smaller patches, the lower are loss and Fréchet distance; smaller patches help at equal weights.',
    zh: '无论靠加宽还是缩小 patch，扩散 Transformer 的乘加次数越多，损失和 Fréchet 距离越低；参数量不变时，更小的 patch 也有效。',
  },
  seeds: [1, 2],

  async measure(context) {
    const { quick, report } = context
    const steps = quick ? 140 : 3000
    const sizes = quick ? { held: 192, drawn: 192, judging: 120 } : { held: 512, drawn: 1024, judging: 600 }
    const digits = await digitDiffusion(context, sizes)
    const figures: Record<string, number> = {}
    const rows: Float32Array[] = []
    const points: { macs: number; error: number; far: number }[] = []
    for (const one of quick ? grid.filter(inQuick) : grid) {
      const [name, denoiser] = [nameOf(one), ofDiT(configOf(one))]
      report(`${name}: ${steps} steps`)
      const { weights } = await digits.learn(name, denoiser, { steps })
      const program = await digits.load(denoiser, weights)
      const error = meanError(await digits.errors(program))
      const { row, distance: far } = await digits.draw(program, scheduler, quick ? 20 : 50)
      await program.release()
      rows.push(row)
      const { multiplyAdds: macs } = sizesOf(denoiser)
      points.push({ macs, error, far })
      figures[`${name}: million multiply-adds`] = macs / 1e6
      figures[`${name}: error`] = error
      figures[`${name}: Fréchet distance`] = far
    }
    await digits.release()
    points.sort((a, b) => a.macs - b.macs)
    const logs = points.map(({ macs }) => Math.log(macs))
    for (const [name, of] of [
      ['error', 'error'],
      ['Fréchet distance', 'far'],
    ] as const)
      figures[`correlation of log multiply-adds and ${name}`] = correlation(
        logs,
        points.map((point) => point[of]),
      )
    const curve = (of: 'error' | 'far') => points.map((point): [number, number] => [point.macs / 1e6, point[of]])
    const series = { error: curve('error'), far: curve('far') }
    return { figures, series, pictures: { digits: await digitRows(rows) } }
  },

  holds: (seeds, { quick }) =>
    seeds.every((figures) => {
      const error = (width: number, patchSize: number) => figures[`${nameOf({ width, patchSize })}: error`]
      const smaller = error(32, 2) < 0.95 * error(32, 4) && error(32, 4) < 0.95 * error(32, 8)
      if (quick) return smaller && figures['correlation of log multiply-adds and error'] < -0.7
      // Whatever is no narrower and has no larger patches is better, in both figures.
      const more = (a: (typeof grid)[number], b: (typeof grid)[number]) =>
        a !== b && a.width >= b.width && a.patchSize <= b.patchSize
      const falls = ['error', 'Fréchet distance'].every((what) => {
        const of = (one: (typeof grid)[number]) => figures[`${nameOf(one)}: ${what}`]
        return grid.every((a) => grid.every((b) => !more(a, b) || of(a) < of(b)))
      })
      return smaller && falls
    }),

  charts: (['error', 'far'] as const).map((series) => ({
    name: series === 'far' ? 'distance' : series,
    title: {
      en: `${series === 'far' ? 'Fréchet distance' : 'Error of the noise'} over compute`,
      zh: `${series === 'far' ? 'Fréchet 距离' : '噪声预测误差'}与计算量`,
    },
    x: { label: { en: 'million multiply-adds for a picture', zh: '每幅图的乘加次数（百万）' }, log: true },
    y: {
      label: {
        en: series === 'far' ? 'Fréchet distance' : 'mean squared error',
        zh: series === 'far' ? 'Fréchet 距离' : '均方误差',
      },
    },
    lines: [{ series, label: { en: 'width 32 to 96, patch 8 to 2', zh: '宽度 32 到 96，patch 8 到 2' } }],
  })),
  pictures: [
    {
      name: 'digits',
      title: {
        en: 'Digits 0 to 9 from the same noise; a row each: width 32, 64, 96, of each patch 8, 4, 2',
        zh: '同一批噪声采样出的数字 0 到 9，每行一种：宽度 32、64、96，各含 patch 8、4、2',
      },
    },
  ],
} satisfies Reproduction

/** Pearson's correlation. */
function correlation(x: readonly number[], y: readonly number[]): number {
  const centred = (values: readonly number[]) => {
    const mean = values.reduce((a, b) => a + b) / values.length
    return values.map((value) => value - mean)
  }
  const [a, b] = [centred(x), centred(y)]
  const dot = (u: readonly number[], v: readonly number[]) => u.reduce((sum, value, i) => sum + value * v[i], 0)
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
}
