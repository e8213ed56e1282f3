/**
 * The four ways in which a diffusion transformer hears of time and label (Peebles & Xie 2023, section 3.2, figure 5), on
 * handwritten digits of 16 × 16 cut into patches of 4 × 4. All arms share data, noise, order and steps. adaLN-Zero has the
 * most weights, so the others also run with a wider feed-forward network that gives each as many; and adaLN-Zero runs once
 * with its modulation and gates drawn at random instead of zero.
 */
import type { DiTConfig, Reproduction } from 'tubelet'
import { digitDiffusion, digitRows, meanError, ofDiT, scheduler, sizesOf, smallDiT } from './digits/diffusion.ts'

/** Weights of a block are 12 D² in-context, 16 D² with cross-attention or adaLN, 18 D² with adaLN-Zero; mlpRatio adds 2 D² each. */
const arms = {
  'in-context': { ...smallDiT, block: 'in-context' },
  'cross-attention': { ...smallDiT, block: 'cross-attention' },
  adaLN: { ...smallDiT, block: 'adaLN' },
  'adaLN-Zero': smallDiT,
  'in-context, as many weights': { ...smallDiT, block: 'in-context', mlpRatio: 7 },
  'cross-attention, as many weights': { ...smallDiT, block: 'cross-attention', mlpRatio: 5 },
  'adaLN, as many weights': { ...smallDiT, block: 'adaLN', mlpRatio: 5 },
  'adaLN-Zero from random': { ...smallDiT, randomModulation: true },
} satisfies Record<string, DiTConfig>
const inQuick = ['in-context', 'adaLN', 'adaLN-Zero']
const inSmall = { width: 64, patchSize: 2 } // where the gates tell early

export default {
  name: 'dit-blocks',
  system: 'DiT',
  source: 'Peebles & Xie 2023, section 3.2 and figure 5',
  claim: {
    en: 'At equal steps the block with adaLN-Zero has the lowest loss and the lowest Fréchet distance, in-context conditioning the highest; and not because adaLN-Zero has more weights.',
    zh: '训练步数相同时，adaLN-Zero 的损失和 Fréchet 距离最低，in-context 条件最高；原因并不是 adaLN-Zero 的参数更多。',
  },
  seeds: [1, 2],

  async measure(context) {
    const { quick, report } = context
    const steps = quick ? 120 : 1000
    const sizes = quick ? { held: 192, drawn: 192, judging: 120 } : { held: 512, drawn: 1024, judging: 600 }
    const digits = await digitDiffusion(context, sizes)
    const figures: Record<string, number> = {}
    const errors: Record<string, [t: number, error: number][]> = {}
    const rows: Float32Array[] = []
    for (const [name, config] of Object.entries(arms)) {
      if (quick && !inQuick.includes(name)) continue
      report(`${name}: ${steps} steps`)
      const denoiser = ofDiT(quick ? { ...config, ...inSmall } : config)
      const { weights } = await digits.learn(name, denoiser, { steps })
      const program = await digits.load(denoiser, weights)
      errors[name] = await digits.errors(program)
      const { row, distance } = await digits.draw(program, scheduler, quick ? 20 : 50)
      await program.release()
      rows.push(row)
      const { weights: count, multiplyAdds } = sizesOf(denoiser)
      figures[`${name}: error`] = meanError(errors[name])
      figures[`${name}: Fréchet distance`] = distance
      figures[`${name}: thousand weights`] = count / 1e3
      figures[`${name}: million multiply-adds`] = multiplyAdds / 1e6
    }
    await digits.release()
    const plain = errors['in-context']
    const ratios = (arm: typeof plain) => arm.map(([t, error], i) => [t, error / plain[i][1]] as const)
    const series = Object.fromEntries(Object.entries(errors).map(([name, arm]) => [name, ratios(arm)]))
    return { figures, series, pictures: { digits: await digitRows(rows) } }
  },

  holds: (seeds, { quick }) =>
    seeds.every((figures) => {
      const error = (name: string) => figures[`${name}: error`]
      const far = (name: string) => figures[`${name}: Fréchet distance`]
      const best = error('adaLN-Zero')
      const fair = quick ? ['adaLN'] : ['in-context, as many weights', 'cross-attention, as many weights']
      const ahead = ['in-context', ...fair].every((name) => best < (quick ? 0.97 : 0.99) * error(name))
      if (quick) return ahead
      const others = ['adaLN', 'cross-attention']
      const ends = [error, far].every((of) =>
        others.every((name) => of('adaLN-Zero') < of(name) && of(name) < of('in-context')),
      )
      return ahead && ends
    }),

  charts: [
    {
      name: 'error',
      title: {
        en: 'Error of the noise on digits not seen over that of in-context, by time',
        zh: '未见过的数字上各时刻的噪声预测误差与 in-context 之比',
      },
      x: { label: { en: 'time t', zh: '时刻 t' } },
      y: { label: { en: 'ratio of mean squared errors', zh: '均方误差之比' } },
      lines: [
        { series: 'in-context', label: { en: 'in-context', zh: 'in-context' } },
        { series: 'cross-attention', label: { en: 'cross-attention', zh: '交叉注意力' } },
        { series: 'adaLN', label: { en: 'adaLN', zh: 'adaLN' } },
        { series: 'adaLN-Zero', label: { en: 'adaLN-Zero', zh: 'adaLN-Zero' } },
        {
          series: 'in-context, as many weights',
          label: { en: 'in-context, as many weights', zh: 'in-context，参数相同' },
        },
        {
          series: 'cross-attention, as many weights',
          label: { en: 'cross-attention, as many weights', zh: '交叉注意力，参数相同' },
        },
        { series: 'adaLN, as many weights', label: { en: 'adaLN, as many weights', zh: 'adaLN，参数相同' } },
        { series: 'adaLN-Zero from random', label: { en: 'adaLN-Zero from random', zh: 'adaLN-Zero，随机初始化' } },
      ],
    },
  ],
  pictures: [
    {
      name: 'digits',
      title: {
        en: `Digits 0 to 9 from the same noise; a row each: ${Object.keys(arms).join('; ')}`,
        zh: `同一批噪声采样出的数字 0 到 9，每行一种：${Object.keys(arms).join('；')}`,
      },
    },
  ],
} satisfies Reproduction
