/**
 * The choices of a denoising diffusion model, one at a time, on handwritten digits of 16 × 16 with one small U-Net: the
 * schedule, what the network predicts, the variance of a step, the running average of the weights, and DDIM against
 * ancestral sampling over the number of steps (Ho et al. 2020; Nichol & Dhariwal 2021; Song et al. 2021).
 */
import { constantRate, type DDPMConfig, ddpmConfig, type Reproduction, type UNetConfig, unetSizes } from 'tubelet'
import type { Program } from 'tubelet/node'
import { digitDiffusion, digitRows, meanError, ofUNet } from './digits/diffusion.ts'

const level = { attention: false, resample: 'conv' } as const
const network = {
  ...unetSizes['CIFAR-10'],
  ...{ channels: 1, outChannels: 1, widths: [16, 32], depth: 1, timeWidth: 64 },
  ...{ down: [level, { ...level, attention: true }], up: [{ ...level, attention: true }, level] },
  ...{ groups: 8, attentionGroups: 8, labels: { kind: 'table', classes: 10 } },
} satisfies UNetConfig

/** What each trained network differs in from the first, which is that of Ho et al. 2020. */
const arms: Record<string, Partial<DDPMConfig>> = {
  'linear, ε': {},
  cosine: { beta_schedule: 'squaredcos_cap_v2' },
  sigmoid: { beta_schedule: 'sigmoid' },
  x0: { prediction_type: 'sample' },
  v: { prediction_type: 'v_prediction' },
  'learned variance': { variance_type: 'learned_range' },
}
const first = 'linear, ε'
const optimizer = { weightDecay: 0, clip: 1, ema: 0.99 }

/** Samplers that the first network is drawn with, over the number of steps. */
const samplers = {
  DDIM: { _class_name: 'DDIMScheduler', timestep_spacing: 'trailing' },
  'DDPM, small variance': { _class_name: 'DDPMScheduler', variance_type: 'fixed_small', timestep_spacing: 'trailing' },
  'DDPM, large variance': { _class_name: 'DDPMScheduler', variance_type: 'fixed_large', timestep_spacing: 'trailing' },
}

export default {
  name: 'ddpm-choices',
  system: 'DDPM',
  source: 'Ho et al. 2020, table 2; Nichol & Dhariwal 2021, figure 8; Song et al. 2021, table 1',
  claim: {
    en: 'At few steps DDIM draws better than the chain, whose large variance ruins the picture; with many steps they come together; the running average of the weights predicts better than the weights.',
    zh: '步数少时 DDIM 优于逐步随机采样，而大方差会毁掉图像；步数多时二者趋于一致；权重的滑动平均比权重本身预测得更准。',
  },
  seeds: [1, 2],

  async measure(context) {
    const { quick, report } = context
    const steps = quick ? 150 : 700
    const counts = quick ? [10] : [5, 10, 25, 100, 250]
    const sizes = quick ? { held: 128, drawn: 192, judging: 80 } : { held: 512, drawn: 512, judging: 600 }
    const digits = await digitDiffusion(context, sizes)
    const figures: Record<string, number> = {}
    const series: Record<string, [number, number][]> = {}
    const rows: Float32Array[] = []
    /** How far samples are from real digits; ten of them go into the picture. */
    const distance = async (program: Program, scheduler: object, count: number): Promise<number> => {
      const { row, distance } = await digits.draw(program, scheduler, count)
      rows.push(row)
      return distance
    }

    for (const [name, choice] of Object.entries(arms)) {
      if (quick && name !== first) continue
      report(`${name}: ${steps} steps`)
      const config = ddpmConfig.parse({ timestep_spacing: 'trailing', ...choice })
      const denoiser = ofUNet({ ...network, outChannels: config.variance_type === 'learned_range' ? 2 : 1 })
      const { weights, last } = await digits.learn(name, denoiser, {
        ...{ steps, config, lr: constantRate({ peak: 2e-3, warmup: steps >> 4 }), optimizer },
      })
      const program = await digits.load(denoiser, weights)
      series[name] = await digits.errors(program, config)
      figures[`${name}: error of the noise`] = meanError(series[name])
      if (!quick)
        for (const count of [10, 100])
          figures[`${name}: Fréchet distance, ${count} steps of DDPM`] = await distance(
            program,
            { _class_name: 'DDPMScheduler', ...config },
            count,
          )
      if (name === first) {
        for (const [sampler, scheduler] of Object.entries(samplers)) {
          series[sampler] = []
          for (const count of counts) {
            report(`${sampler}, ${count} steps`)
            const far = await distance(program, scheduler, count)
            series[sampler].push([count, far])
            figures[`${sampler}, ${count} steps: Fréchet distance`] = far
          }
        }
        const plain = await digits.load(denoiser, last)
        figures['without the average: error of the noise'] = meanError(await digits.errors(plain, config))
        if (!quick)
          figures['without the average: Fréchet distance, 100 steps'] = await distance(plain, samplers.DDIM, 100)
        await plain.release()
      }
      await program.release()
    }
    await digits.release()
    return { figures, series, pictures: { digits: await digitRows(rows) } }
  },

  holds: (seeds, { quick }) =>
    seeds.every((figures) => {
      const far = (sampler: string, count: number) => figures[`${sampler}, ${count} steps: Fréchet distance`]
      const few = far('DDIM', 10) < 0.8 * far('DDPM, large variance', 10)
      const averaged = figures[`${first}: error of the noise`] < figures['without the average: error of the noise']
      if (quick) return few && averaged
      const many = Object.keys(samplers).map((sampler) => far(sampler, 250))
      const together = Math.max(...many) < 1.5 * Math.min(...many)
      const cured = far('DDPM, large variance', 250) < 0.5 * far('DDPM, large variance', 10)
      return few && averaged && together && cured && far('DDIM', 5) < far('DDPM, small variance', 5)
    }),

  charts: [
    {
      name: 'steps',
      title: { en: 'Fréchet distance over the steps of sampling', zh: 'Fréchet 距离与采样步数' },
      x: { label: { en: 'steps', zh: '步数' }, log: true },
      y: { label: { en: 'Fréchet distance', zh: 'Fréchet 距离' }, log: true },
      lines: [
        { series: 'DDIM', label: { en: 'DDIM', zh: 'DDIM' } },
        { series: 'DDPM, small variance', label: { en: 'DDPM, small variance', zh: 'DDPM，小方差' } },
        { series: 'DDPM, large variance', label: { en: 'DDPM, large variance', zh: 'DDPM，大方差' } },
      ],
    },
    {
      name: 'error',
      title: { en: 'Error of the noise on digits not seen, by time', zh: '未见过的数字上各时刻的噪声预测误差' },
      x: { label: { en: 'time t', zh: '时刻 t' } },
      y: { label: { en: 'mean squared error', zh: '均方误差' }, log: true },
      lines: [
        { series: 'linear, ε', label: { en: 'linear, ε', zh: '线性，ε' } },
        { series: 'x0', label: { en: 'linear, x0', zh: '线性，x0' } },
        { series: 'v', label: { en: 'linear, v', zh: '线性，v' } },
        { series: 'cosine', label: { en: 'cosine, ε', zh: '余弦，ε' } },
        { series: 'sigmoid', label: { en: 'sigmoid, ε', zh: 'sigmoid，ε' } },
        { series: 'learned variance', label: { en: 'learned variance', zh: '学习方差' } },
      ],
    },
  ],
  pictures: [
    {
      name: 'digits',
      title: {
        en: 'Digits 0 to 9 from the same noise: each choice at 10 and 100 steps; of the first also each sampler from few steps to many, and the weights without their average',
        zh: '同一批噪声采样出的数字 0 到 9：每种选择各用 10 步和 100 步；第一种另列出各采样器由少到多的步数，以及不用滑动平均的权重',
      },
    },
  ],
} satisfies Reproduction
