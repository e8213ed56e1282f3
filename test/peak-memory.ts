import { input, type Tensor, withBlock } from '../src/graph/index.ts'
import { add, geluTanh, matmul, sum } from '../src/ops/index.ts'
import { nodeRuntime } from '../src/runtime/node.ts'
import { costOf } from '../src/transform/cost.ts'
import { grad } from '../src/transform/grad.ts'

// Prints the peak memory of training a stack of MLPs, in bytes: measured, above what the process held before its first
// run, and as `costOf` foresees it. With the argument `recomputed` each MLP is a block. A program of its own, as a
// process has only one peak.

const [depth, rows, width, hidden] = [8, 4096, 64, 512]
const block = process.argv[2] === 'recomputed' ? withBlock : <T>(build: () => T): T => build()

const feeds: Record<string, Float32Array> = { x: new Float32Array(rows * width).fill(0.5) }
const weights: Tensor[] = []
const weight = (name: string, shape: [number, number]) => {
  feeds[name] = new Float32Array(shape[0] * shape[1]).fill(0.01)
  const w = input(name, shape)
  weights.push(w)
  return w
}
let x: Tensor = input('x', [rows, width])
for (let i = 0; i < depth; i++) {
  const [up, down] = [weight(`${i}.up`, [width, hidden]), weight(`${i}.down`, [hidden, width])]
  const from = x
  x = block(() => add(from, matmul(geluTanh(matmul(from, up)), down)))
}
const loss = sum(x)
const grads = Object.fromEntries(grad(loss, weights).map((dw, i) => [`d${i}`, dw]))
const program = await nodeRuntime({ threads: 1 }).load({ loss, ...grads })
const before = process.memoryUsage.rss()
for (let i = 0; i < 2; i++) await program.run(feeds)
const measured = process.resourceUsage().maxRSS * 1024 - before
const { peakBytes, outputBytes } = costOf([loss, ...Object.values(grads)])
process.stdout.write(JSON.stringify({ measured, foreseen: peakBytes + outputBytes }))
