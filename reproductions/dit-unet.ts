/**
 * A transformer and a U-Net behind one interface, x, t and label in, noise out (Peebles & Xie 2023, figure 2 and table 2),
 * at as many multiply-adds, on handwritten digits of 16 × 16. Both share data, noise, order and steps.
 */
import { type Reproduction, type UNetConfig, unetSizes } from 'tubelet'
import {
  type DigitDenoiser,
  digitDiffusion,
  digitRows,
  meanError,
  ofDiT,
  ofUNet,
  scheduler,
  sizesOf,
  smallDiT,
} from './digits/diffusion.ts'

const [plain, attending] = [false, true].map((attention) => ({ attention, resample: 'conv' }) as const)
const convolutional: UNetConfig = {
  ...unetSizes['CIFAR-10'],
  ...{ channels: 1, outChannels: 1, widths: [16, 28], depth: 1, timeWidth: 64, groups: 4, attentionGroups: 4 },
  ...{ down: [plain, attending], up: [attending, plain], labels: { kind: 'table', classes: 10 } },
}

/** Both as one kind of function. */
const arms: Record<string, DigitDenoiser> = { DiT: ofDiT(smallDiT), 'U-Net': ofUNet(convolutional) }

export default {
  name: 'dit-unet',
  system: 'DiT',
  source: 'Peebles & Xie 2023, figure 2 and table 2',
  claim: {
    en: 'At as many multiply-adds and steps the U-Net is ahead on small pictures and little data, unlike on ImageNet, where the paper finds DiT ahead.',
    zh: '乘加次数和训练步数相同时，在小图像、小数据上 U-Net 领先；论文在 ImageNet 上的结论则是 DiT 领先。',
  },
  seeds: [1, 2],

  async measure(context) {
    const { quick, report } = context
    const steps = quick ? 160 : 1500
    const sizes = quick ? { held: 192, drawn: 192, judging: 120 } : { held: 512, drawn: 1024, judging: 600 }
    const digits = await digitDiffusion(context, sizes)
    const figures: Record<string, number> = {}
    const series: Record<string, [number, number][]> = {}
    const rows: Float32Array[] = []
    for (const [name, denoiser] of Object.entries(arms)) {
      report(`${name}: ${steps} steps`)
      const { weights } = await digits.learn(name, denoiser, { steps })
      const program = await digits.load(denoiser, weights)
      series[name] = await digits.errors(program)
      const { row, distance } = await digits.draw(program, scheduler, quick ? 20 : 50)
      await program.release()
      rows.push(row)
      const { weights: count, multiplyAdds } = sizesOf(denoiser)
      figures[`${name}: error`] = meanError(series[name])
      figures[`${name}: Fréchet distance`] = distance
      figures[`${name}: thousand weights`] = count / 1e3
      figures[`${name}: million multiply-adds`] = multiplyAdds / 1e6
    }
    await digits.release()
    return { figures, series, pictures: { digits: await digitRows(rows) } }
  },

  holds: (seeds) =>
    seeds.every((figures) => {
      const of = (name: string, what: string) => figures[`${name}: ${what}`]
      const ratio = of('DiT', 'million multiply-adds') / of('U-Net', 'million multiply-adds')
      return ratio > 0.9 && ratio < 1.1 && of('U-Net', 'error') < 0.97 * of('DiT', 'error')
    }),

  charts: [
    {
      name: 'error',
      title: { en: 'Error of the noise on digits not seen, by time', zh: '未见过的数字上各时刻的噪声预测误差' },
      x: { label: { en: 'time t', zh: '时刻 t' } },
      y: { label: { en: 'mean squared error', zh: '均方误差' }, log: true },
      lines: [
        { series: 'DiT', label: { en: 'DiT', zh: 'DiT' } },
        { series: 'U-Net', label: { en: 'U-Net', zh: 'U-Net' } },
      ],
    },
  ],
  pictures: [
    {
      name: 'digits',
      title: {
        en: 'Digits 0 to 9 from the same noise: DiT, then the U-Net',
        zh: '同一批噪声采样出的数字 0 到 9：先 DiT，后 U-Net',
      },
    },
  ],
} satisfies Reproduction
