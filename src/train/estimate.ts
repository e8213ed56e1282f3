import { Input, input, nodesOf, type Op, size, type Tensor } from '../graph/index.ts'
import { matmul } from '../ops/index.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { costOf } from '../transform/cost.ts'
import { batchesAtOnce } from './batches.ts'
import type { TrainConfig } from './config.ts'
import { layOut } from './layout.ts'
import { muonUpdates } from './muon.ts'
import { parameterCount, type TrainingGraph, trainingGraph } from './training-graph.ts'

/** What a run will take, found without training. */
export interface Estimate {
  readonly parameters: number // trained weights
  readonly flops: number // of the matrix products and convolutions of one step
  readonly weightBytes: number // weights, gradients, moments and averages
  readonly stepBytes: number // a batch and the values between it and the gradients, where each is freed in time
  readonly rate: number // FLOP/s of a matrix product on this machine, measured just now, at best
  readonly share: number // part of the time that is taken to go into products at that rate
  readonly stepMs: number
}

// Part of a training step's time that its matrix products would take at full speed: 0.60 to 0.77 in the transformer,
// CLIP and convolution steps measured on two cores that make 400 GFLOP/s, 0.81 to 1.11 on two that make 142
// (docs/bench.md); the rest goes into what is done element by element.
const share = 0.8

/** Builds the graphs of a step, counts what they take, and times a matrix product for some tenths of a second. */
export async function estimate(config: TrainConfig, runtime: Runtime): Promise<Estimate> {
  const { accumulate = 1 } = config
  const graph = trainingGraph(config)
  const { parameters } = graph
  const slots = parameters.filter((one) => one.trained).map(({ name, tensor }) => ({ name, shape: tensor.shape }))
  const { muon } = layOut(slots, config.optimizer?.muon)
  const batches = costOfBatches(graph, accumulate)
  const update = costOf(Object.values(muonUpdates(Object.fromEntries(muon.map(({ key, stack }) => [key, stack])))))
  const flops = batches.flops + update.flops
  const count = parameterCount(parameters)
  const rate = await matrixRate(runtime)
  const together = batchesAtOnce(config, graph)
  const copies = together > 1 ? 4 * together : 0 // weights and gradients, each worker's own and those on the way
  return {
    parameters: count,
    flops,
    weightBytes: 4 * count * ((accumulate > 1 ? 6 : 5) + copies),
    stepBytes: together * batches.bytes + update.peakBytes,
    rate,
    share,
    stepMs: (1000 * flops) / (rate * share),
  }
}

/** Operations of all batches of a step, and what one takes beside the weights, or all where their loss is one. */
function costOfBatches({ parameters, scalars, gradients, buffers, cache }: TrainingGraph, accumulate: number) {
  const cost = (...groups: Readonly<Record<string, Tensor>>[]) =>
    costOf(groups.flatMap((group) => Object.values(group)))
  const weights = new Set(parameters.map(({ tensor }) => tensor.node))
  const fed = (outputs: Readonly<Record<string, Tensor>>) =>
    nodesOf(Object.values(outputs)).reduce(
      (bytes, node) => bytes + (node.op === (Input as Op) && !weights.has(node) ? 4 * size(node.outputs[0].shape) : 0),
      0,
    )
  if (!cache) {
    const one = cost(scalars, gradients, buffers)
    return { flops: accumulate * one.flops, bytes: fed({ ...scalars, ...gradients, ...buffers }) + one.peakBytes }
  }
  const [encode, backward] = [cost(cache.rows), cost(cache.gradients)]
  const loss = cost(scalars, gradients, cache.rowGradients)
  const kept = accumulate * (fed(cache.rows) + 2 * encode.outputBytes) // batches, rows and their gradients
  return {
    flops: accumulate * (encode.flops + backward.flops) + loss.flops,
    bytes: kept + encode.peakBytes + loss.peakBytes + backward.peakBytes,
  }
}

const side = 768
const runs = 15

/** FLOP/s of a matrix product: the best of some, as what else runs on the machine can only slow them down. */
async function matrixRate(runtime: Runtime): Promise<number> {
  const y = matmul(input('a', [side, side]), input('b', [side, side]))
  const program = await runtime.load({ y })
  const feeds = { a: new Float32Array(side * side).fill(0.5), b: new Float32Array(side * side).fill(0.25) }
  const into = { y: new Float32Array(side * side) }
  let best = Number.POSITIVE_INFINITY
  try {
    for (let i = 0; i < runs; i++) {
      const from = performance.now()
      await program.run(feeds, into)
      best = Math.min(best, performance.now() - from)
    }
  } finally {
    await program.release()
  }
  return (1000 * 2 * side ** 3) / best
}
