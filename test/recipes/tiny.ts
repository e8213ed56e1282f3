import { setTimeout } from 'node:timers/promises'
import { constantRate, input, mean, mul, nn, type Recipe, type Run, relu, square, stream, sub } from 'tubelet'
import { dataOf, readWeights } from 'tubelet/node'

const [rows, inputs, outputs] = [8, 6, 4]

/**
 * A recipe whose steps take next to no time: a network of two layers and a batch norm learns numbers that are drawn for
 * each step. `change` sees the run as it is and gives what shall be different. With TINY_PAUSE_MS in the environment,
 * batches come slowly, so that a test can stop a run on its way.
 */
export const tinyRecipe = (
  name: string,
  change: (run: Run) => Partial<Run> = () => ({}),
  { hidden = 16 } = {},
): Recipe => ({
  name,
  summary: 'a network of two layers, for tests',
  async prepare({ from, seed = 5, steps = 8 }) {
    const pauseMs = Number(process.env.TINY_PAUSE_MS ?? 0)
    const run: Run = {
      name,
      seed,
      steps,
      samples: rows,
      settings: { rows, inputs, hidden, outputs },
      weights: from === undefined ? undefined : await weightsOf(from),
      build(p, updates) {
        const normed = nn.batchNorm(p.at('norm'), inputs, { training: updates })(input('x', [rows, inputs]))
        const up = nn.linear(p.at('up'), inputs, hidden)
        const down = nn.linear(p.at('down'), hidden, outputs)
        const y = down(relu(up(mul(normed, input('keep', [rows, inputs])))))
        return { loss: mean(square(sub(y, input('y', [rows, outputs])))) }
      },
      async batch(step) {
        if (pauseMs > 0) await setTimeout(pauseMs)
        const named = (purpose: string) => stream({ seed, purpose, step })
        const keep = named('dropout').uniform(rows * inputs)
        return {
          x: named('x').normal(rows * inputs),
          y: named('y').normal(rows * outputs),
          keep: keep.map((u) => (u < 0.9 ? 1 : 0)),
        }
      },
      lr: constantRate({ peak: 0.01, warmup: 3 }),
      publish: async (weights) => ({ 'tiny/names.json': JSON.stringify(Object.keys(weights)) }),
    }
    return { ...run, ...change(run) }
  },
})

async function weightsOf(folder: string) {
  const { arrays } = await readWeights(folder)
  return dataOf(arrays)
}

export default tinyRecipe('tiny')
