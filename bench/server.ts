import { createInterface } from 'node:readline/promises'
import { denoiser } from '../src/generate/denoiser.ts'
import { input, type Shape, size } from '../src/graph/index.ts'
import { wanConfig } from '../src/models/sora.ts'
import { params } from '../src/nn/index.ts'
import { matmul } from '../src/ops/index.ts'
import { nodeRuntime } from '../src/runtime/node.ts'
import type { Arrays } from '../src/runtime/runtime.ts'
import type { TrainConfig } from '../src/train/config.ts'
import { optimizer } from '../src/train/optimizer.ts'
import { train } from '../src/train/train.ts'
import { generator } from '../test/draw.ts'
import { readArrays, writeExchange } from './exchange.ts'
import { guidance, leavesOf, workloads } from './workloads.ts'

// The project's side of a comparison: a process that does nothing until a line on its standard input asks for steps.
//   server.ts NAME DIR THREADS          times training or sampling steps of a workload
//   server.ts NAME DIR THREADS write    writes the files that both sides read, then times updates of the weights
//   server.ts gemm - THREADS            times a matrix product

const [name, folder, threadsGiven, mode] = process.argv.slice(2)
const threads = Number(threadsGiven)
const runtime = nodeRuntime({ threads, spin: true }) // nothing else runs
const workload = workloads[name]

/** One step, given once for the first. */
type Step = () => Promise<void>

/** Steps of the training loop as `tubelet train` runs it: forward, backward, update, running average. */
async function trainingStep(): Promise<Step> {
  const weights = (await readArrays(folder, 'weights')) as Record<string, Float32Array>
  const inputs = await readArrays(folder, 'inputs')
  const { workers = 1 } = workload
  const part = (k: number) => (array: Arrays[string]) =>
    array.subarray((k * array.length) / workers, ((k + 1) * array.length) / workers)
  const events = train(
    {
      ...{ name, seed: 0, steps: Number.MAX_SAFE_INTEGER, samples: 1, accumulate: workers, workers },
      build: (p) => ({ loss: workload.build(p, leavesOf(workload, workers)) }),
      batch: (at) => Object.fromEntries(Object.entries(inputs).map(([key, array]) => [key, part(at % workers)(array)])),
      lr: () => 1e-4,
    } satisfies TrainConfig,
    { runtime, weights },
  )
  await events.next() // 'ready'
  return async () => {
    await events.next()
  }
}

/** A step of the denoiser as `tubelet generate` runs it. */
async function samplingStep(): Promise<{ step: Step; error: number }> {
  const [batch, , frames, height, width] = workload.inputs.x.shape
  const textLength = workload.inputs.text.shape[1]
  const program = await denoiser(runtime, {
    config: wanConfig(workload.config),
    weights: await readArrays(folder, 'weights'),
    shape: { batch, frames, height, width, textLength, guided: true },
    dtype: workload.dtype,
  })
  const fed = { ...(await readArrays(folder, 'inputs')), guidance: Float32Array.of(guidance) }
  const { y } = await readArrays(folder, 'answers')
  const { v } = await program.run(fed)
  const length = (at: (i: number) => number) => Math.hypot(...Array.from(y, (_, i) => at(i)))
  return {
    error: length((i) => v[i] - y[i]) / length((i) => y[i]),
    step: async () => {
      await program.run(fed)
    },
  }
}

const gemmSide = 1024

async function gemmStep(): Promise<Step> {
  const shape: Shape = [gemmSide, gemmSide]
  const program = await runtime.load({ y: matmul(input('a', shape), input('b', shape)) })
  const uniform = generator(1)
  const numbers = () => Float32Array.from({ length: size(shape) }, uniform)
  const fed = { a: numbers(), b: numbers() }
  const into = { y: new Float32Array(size(shape)) }
  return async () => {
    await program.run(fed, into)
  }
}

/** AdamW with running average over all parameters, as each training step ends with. */
async function updateStep(): Promise<Step> {
  const p = params()
  workload.build(p, leavesOf(workload))
  const update = await optimizer([...p.all.values()], { runtime })
  let step = 0
  return async () => {
    await update.apply({ step: ++step, lr: 1e-4, scale: 1 })
  }
}

const tell = (message: object) => process.stdout.write(`${JSON.stringify(message)}\n`)

/** What is told of a side before it is timed, and what is timed. */
async function prepared(): Promise<{ facts?: object; error?: number; step: Step }> {
  if (name === 'gemm') return { step: await gemmStep() }
  if (mode === 'write') return { facts: await writeExchange(workload, folder), step: await updateStep() }
  return workload.kind === 'sample' ? samplingStep() : { step: await trainingStep() }
}

const { facts, error, step } = await prepared()
await step()
tell({ ready: true, error, ...facts })
for (let i = 0; i < 2; i++) await step()
for await (const line of createInterface(process.stdin)) {
  const ms: number[] = []
  for (let i = 0; i < Number(line); i++) {
    const from = performance.now()
    await step()
    ms.push(performance.now() - from)
  }
  tell({ ms, peakMb: process.resourceUsage().maxRSS / 1024 })
}
process.exit(0)
