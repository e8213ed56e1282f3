import type { Tensor } from '../graph/index.ts'
import { releaseLoaded } from '../runtime/release-loaded.ts'
import type { Arrays, Program, Runtime } from '../runtime/runtime.ts'
import type { TrainConfig } from './config.ts'
import type { Optimizer } from './optimizer.ts'
import type { TrainingGraph } from './training-graph.ts'

/** The batches of a step, computed by one program or by several at the same time. */
export interface Batches {
  /** Gradients end up summed in the optimizer's memory; returns the mean of each scalar. */
  run(step: number): Promise<Readonly<Record<string, number>>>
  readonly scale: number // what the sum is multiplied with to be the gradient of the loss
  release(): Promise<void>
}

/** A run as far as its batches need it. */
export interface Parts {
  readonly graph: TrainingGraph
  readonly update: Optimizer
  readonly config: TrainConfig
}

/** How many batches are computed at the same time: one where running statistics, or a loss of all, go from each to the next. */
export const batchesAtOnce = ({ accumulate = 1, workers = 1 }: TrainConfig, graph: TrainingGraph): number =>
  Object.keys(graph.buffers).length > 0 || graph.cache ? 1 : Math.min(accumulate, workers)

/** Loads the graph of a batch once, or once for each worker. */
export async function loadBatches({ graph, update, config }: Parts, runtime: Runtime): Promise<Batches> {
  const { accumulate = 1 } = config
  const count = batchesAtOnce(config, graph)
  const apart = count > 1 ? count : undefined
  const loading = Array.from({ length: count }, () => runtime.load(outputsOf(graph), { apart }))
  const programs = await Promise.all(loading).catch(async (error) => {
    await releaseLoaded(loading)
    throw error
  })
  const source = batchSource(config)

  return {
    scale: 1 / accumulate,
    async run(step) {
      const totals = Object.fromEntries(Object.keys(graph.scalars).map((name) => [name, 0]))
      for (let i = 0; i < accumulate; i += count) {
        const together = Math.min(count, accumulate - i)
        const from = step * accumulate + i
        const results = await runTogether(programs.slice(0, together), { from, source, update, config })
        results.forEach((result, k) => {
          if (count > 1) for (const name in update.gradients) update.gradients[name].set(result[name] as Float32Array)
          if (accumulate > 1) update.accumulate(i + k === 0)
          for (const name in totals) totals[name] += Number(result[`scalar ${name}`][0]) / accumulate
          for (const name in graph.buffers) update.live[name].set(result[`next ${name}`])
        })
      }
      return totals
    },
    async release() {
      for (const program of programs) await program.release()
    },
  }
}

/** What a program gives back. */
const outputsOf = ({ scalars, gradients, buffers }: TrainingGraph): Record<string, Tensor> => ({
  ...prefixed('scalar', scalars),
  ...prefixed('gradient', gradients),
  ...prefixed('next', buffers),
})

/** The same tensors, their names under the name of their kind. */
export const prefixed = (kind: string, tensors: Readonly<Record<string, Tensor>>) =>
  Object.fromEntries(Object.entries(tensors).map(([name, t]) => [`${kind} ${name}`, t]))

/** Batches by number; one that is needed soon can be made ahead, while the threads of the programs compute. */
function batchSource({ batch, steps, accumulate = 1 }: TrainConfig) {
  const made = new Map<number, Promise<Arrays>>()
  const make = async (at: number) => batch(at)
  return {
    take(at: number): Promise<Arrays> {
      const known = made.get(at)
      made.delete(at)
      return known ?? make(at)
    },
    prepare(at: number) {
      if (at >= steps * accumulate || made.has(at)) return
      const ready = make(at)
      ready.catch(() => {}) // thrown where it is taken
      made.set(at, ready)
    },
  }
}

interface Together extends Omit<Parts, 'graph'> {
  readonly from: number // number of the first batch
  readonly source: ReturnType<typeof batchSource>
}

/** One batch for each program. A single program writes its gradients where the optimizer wants them. */
async function runTogether(programs: readonly Program[], { from, source, update }: Together): Promise<Arrays[]> {
  const batches = await Promise.all(programs.map((_, k) => source.take(from + k)))
  const fed = batches.map((batch) => ({ ...batch, ...update.live }))
  if (programs.length === 1) return [await programs[0].run(fed[0], update.gradients)]
  const running = Promise.all(programs.map((program, k) => program.run(fed[k])))
  running.catch(() => {}) // thrown where it is awaited
  await new Promise((resolve) => setTimeout(resolve)) // the threads begin
  for (const k of programs.keys()) source.prepare(from + programs.length + k)
  return running
}
