import { input } from '../src/graph/index.ts'
import { linear } from '../src/nn/index.ts'
import { mean, relu, square, sub } from '../src/ops/index.ts'
import { stream } from '../src/random.ts'
import { nodeRuntime } from '../src/runtime/node.ts'
import { train } from '../src/train/train.ts'

// Prints the resident memory, in bytes, after 300, 550 and 800 steps of training, when the engine and the heap have settled with everything that has a state. A
// program of its own, started with --expose-gc.

const [rows, width] = [16, 192]
const config = {
  name: 'flat',
  seed: 1,
  steps: 800,
  samples: rows,
  build(p: Parameters<typeof linear>[0]) {
    const y = linear(p.at('down'), width, width)(relu(linear(p.at('up'), width, width)(input('x', [rows, width]))))
    return { loss: mean(square(sub(y, input('y', [rows, width])))) }
  },
  batch(step: number) {
    const numbers = stream({ seed: 1, purpose: 'batch', step })
    return { x: numbers.normal(rows * width), y: numbers.normal(rows * width) }
  },
  lr: () => 1e-3,
  accumulate: 2,
  optimizer: { muon: (name: string) => name === 'up.weight' },
}

const sizes: number[] = []
for await (const event of train(config, { runtime: nodeRuntime({ threads: 1 }) })) {
  if (event.kind !== 'step' || ![300, 550, 800].includes(event.step)) continue
  globalThis.gc!()
  sizes.push(process.memoryUsage.rss())
}
process.stdout.write(JSON.stringify(sizes))
