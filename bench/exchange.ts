import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readSafetensors, writeSafetensors } from '../src/files/checkpoint.ts'
import { nodesOf, size, type Tensor } from '../src/graph/index.ts'
import { params } from '../src/nn/index.ts'
import { stream } from '../src/random.ts'
import { nodeRuntime } from '../src/runtime/node.ts'
import type { Arrays } from '../src/runtime/runtime.ts'
import { grad } from '../src/transform/grad.ts'
import { leavesOf, type Workload } from './workloads.ts'

/** What is known of a workload before it is timed. */
export interface WorkloadFacts {
  readonly parameters: number
  readonly flops: number // of the matrix products and convolutions of one step
}

/** Writes config, weights, inputs and answers (loss and gradients, or the result) of a workload, for both sides. */
export async function writeExchange(workload: Workload, folder: string): Promise<WorkloadFacts> {
  const { title, kind, peer, config } = workload
  const p = params()
  const y = workload.build(p, leavesOf(workload))
  const needed = new Set(nodesOf([y]))
  const read = [...p.all.values()].filter(({ tensor }) => needed.has(tensor.node))
  const weights = read.map(({ name, init, tensor: { shape } }) => {
    const random = stream({ seed: 1, purpose: `init ${name}` })
    const noise = random.normal(size(shape)) // layers that start at zero would hide those behind them
    return [name, { data: init(shape, random).map((w, i) => w + 0.02 * noise[i]), shape }] as const
  })
  const inputs = Object.entries(workload.inputs).map(
    ([name, spec]) => [name, { data: drawn(name, spec), shape: spec.shape }] as const,
  )
  const trained = kind === 'train' ? read.filter((one) => one.trained) : []
  const gradients =
    trained.length > 0
      ? grad(
          y,
          trained.map(({ tensor }) => tensor),
        )
      : []
  const outputs: Record<string, Tensor> = { y }
  trained.forEach(({ name }, i) => {
    outputs[`gradient ${name}`] = gradients[i]
  })
  const program = await nodeRuntime().load(outputs)
  const fed = Object.fromEntries([...weights, ...inputs].map(([name, { data }]) => [name, data]))
  const answers = await program.run(fed)
  await program.release()
  await writeFile(join(folder, 'spec.json'), JSON.stringify({ title, kind, peer, config }))
  await writeSafetensors(join(folder, 'weights.safetensors'), Object.fromEntries(weights))
  await writeSafetensors(join(folder, 'inputs.safetensors'), Object.fromEntries(inputs))
  const shaped = Object.entries(answers).map(([name, data]) => [name, { data, shape: outputs[name].shape }])
  await writeSafetensors(join(folder, 'answers.safetensors'), Object.fromEntries(shaped))
  return {
    parameters: read.reduce((sum, { tensor }) => sum + size(tensor.shape), 0),
    flops: nodesOf(Object.values(outputs)).reduce((sum, node) => sum + (node.op.flops?.(node) ?? 0), 0),
  }
}

/** Arrays of one of the files. */
export async function readArrays(folder: string, name: 'weights' | 'inputs' | 'answers'): Promise<Arrays> {
  const { arrays } = await readSafetensors(join(folder, `${name}.safetensors`))
  return Object.fromEntries(Object.entries(arrays).map(([key, { data }]) => [key, data]))
}

function drawn(name: string, { shape, from = 0, below, whole }: Workload['inputs'][string]): Float32Array | Int32Array {
  const random = stream({ seed: 2, purpose: name })
  const count = size(shape)
  if (below === undefined) return random.normal(count)
  if (below <= 1) return random.uniform(count)
  const numbers = Array.from({ length: count }, () => from + random.integer(below - from))
  return whole ? Int32Array.from(numbers) : Float32Array.from(numbers)
}
