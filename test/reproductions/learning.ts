import { input, mean, mul, nn, type Reproduction } from 'tubelet'

/** Two runs of three steps that say what they learn from; the power goes between them where a test wants it. */
export default {
  name: 'learning',
  system: 'DDPM',
  source: 'nowhere',
  claim: { en: 'It learns.', zh: '它会学习。' },
  seeds: [1],
  async measure({ seed, learn, report }) {
    const figures: Record<string, number> = {}
    for (const name of ['first', 'second']) {
      const { weights } = await learn({
        ...{ name, seed, steps: 3, samples: 1, lr: () => 0.1, optimizer: {} },
        build: (p) => ({ loss: mean(mul(p.get('place', [1], nn.ones), input('x', [1]))) }),
        batch(step) {
          report(`${name} ${step}`)
          return { x: Float32Array.of(step + 1) }
        },
      })
      figures[name] = weights.place[0]
      if (process.env.TUBELET_TEST_STOP) throw new Error('the power went')
    }
    return { figures, series: {} }
  },
  holds: () => true,
  charts: [],
} satisfies Reproduction
