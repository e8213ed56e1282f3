import type { Reproduction } from 'tubelet'
import { pictureGrid } from 'tubelet/node'

/** A claim that is measured in no time: larger seeds give larger numbers; in small it is not even tried. */
export default {
  name: 'tiny',
  system: 'DDPM',
  source: 'nowhere',
  claim: { en: 'Numbers grow with the seed.', zh: '种子越大，数越大。' },
  seeds: [1, 2, 4],
  async measure({ seed, quick, report }) {
    report('counting')
    return {
      figures: { number: quick ? -1 : seed },
      series: {
        curve: [
          [1, seed],
          [2, 2 * seed],
        ],
      },
      pictures: { dot: await pictureGrid(Float32Array.of(1 / seed), { channels: 1, height: 1, width: 1 }) },
    }
  },
  holds: (figures) => figures.every(({ number }, i) => number > (figures[i - 1]?.number ?? 0)),
  pictures: [{ name: 'dot', title: { en: 'A dot', zh: '一个点' } }],
  charts: [
    {
      name: 'curve',
      title: { en: 'Curve', zh: '曲线' },
      x: { label: { en: 'x', zh: 'x' } },
      y: { label: { en: 'y', zh: 'y' } },
      lines: [{ series: 'curve', label: { en: 'a line', zh: '一条线' } }],
    },
  ],
} satisfies Reproduction
