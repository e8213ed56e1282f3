import assert from 'node:assert/strict'
import { verifyModel } from '../src/generate/verify.ts'
import { nodesOf, type Tensor } from '../src/graph/index.ts'
import { type Params, params } from '../src/nn/index.ts'
import type { Arrays } from '../src/onnx/index.ts'
import { stream } from '../src/random.ts'
import { nodeRuntime } from '../src/runtime/node.ts'
import { grad } from '../src/transform/grad.ts'
import { evaluate } from './on-node.ts'
import { parityCase } from './parity/case.ts'

/** Fails where a stored case of a published class is further off than 1e-5, or its weights have another list of names. */
export async function assertParity(name: string): Promise<void> {
  const { outputs } = await verifyModel(await parityCase(name), nodeRuntime())
  assert.ok(outputs.length > 0)
  for (const output of outputs) assert.ok(output.error < 1e-5, `${name}: ${output.name} is off by ${output.error}`)
}

/** Initial values of all parameters declared so far. */
export function initial(p: Params, seed = 1): Arrays {
  const weights: Arrays = {}
  for (const { name, tensor, init } of p.all.values())
    weights[name] = init(tensor.shape, stream({ seed, purpose: `init ${name}` }))
  return weights
}

/** Values that no initialisation leaves at zero: normal numbers, small for what is added and around 1 for gains. */
export function randomised(p: Params, seed = 1): Arrays {
  const weights: Arrays = {}
  for (const { name, tensor } of p.all.values()) {
    const scale = tensor.shape.length > 1 ? 1 / Math.sqrt(tensor.shape.slice(1).reduce((a, b) => a * b, 1)) : 0.2
    const shift = tensor.shape.length === 1 && /(weight|gamma|running_var)$/.test(name) ? 1 : 0
    const count = tensor.shape.reduce((a, b) => a * b, 1)
    weights[name] = stream({ seed, purpose: name })
      .normal(count)
      .map((z) => shift + scale * z)
  }
  return weights
}

/** What a network with such values makes of some inputs. */
export async function withRandomWeights(
  build: (p: Params) => Record<string, Tensor>,
  feeds: Record<string, Float32Array>,
): Promise<Record<string, Float32Array>> {
  const p = params()
  const outputs = build(p)
  return evaluate(outputs, { ...randomised(p), ...feeds }) as Promise<Record<string, Float32Array>>
}

/** Normal numbers of a shape. */
export const normalNumbers = (seed: number, ...shape: number[]): Float32Array =>
  stream({ seed, purpose: 'batch' }).normal(shape.reduce((a, b) => a * b, 1))

/** Elements of all trained parameters that a network declares. */
export function trainedCount(declare: (p: Params) => unknown): number {
  const p = params()
  declare(p)
  const trained = [...p.all.values()].filter((parameter) => parameter.trained)
  return trained.reduce((sum, { tensor }) => sum + tensor.shape.reduce((a, b) => a * b, 1), 0)
}

/** How often and how fast to step. */
export interface OverfitOptions {
  readonly steps?: number
  readonly rate?: number
}

/** Losses of one batch before each step of Adam (Kingma & Ba 2015, algorithm 1), from the initial weights. */
export async function overfit(
  build: (p: Params) => Tensor,
  batch: Arrays,
  { steps = 40, rate = 3e-3 }: OverfitOptions = {},
): Promise<number[]> {
  const p = params()
  const loss = build(p)
  const reached = new Set(nodesOf([loss]))
  const learned = [...p.all.values()].filter(({ trained, tensor }) => trained && reached.has(tensor.node))
  const gradients = grad(
    loss,
    learned.map(({ tensor }) => tensor),
  )
  const named = Object.fromEntries(learned.map(({ name }, i) => [`d ${name}`, gradients[i]]))
  const program = await nodeRuntime().load({ loss, ...named })
  const weights = initial(p)
  const moments = learned.map(({ name }) => [0, 0].map(() => new Float32Array(weights[name].length)))
  const losses: number[] = []
  for (let step = 1; step <= steps; step++) {
    const feeds = Object.fromEntries(program.inputs.map(({ name }) => [name, batch[name] ?? weights[name]]))
    const result = await program.run(feeds)
    losses.push(result.loss[0])
    learned.forEach(({ name }, i) => {
      adam(weights[name] as Float32Array, result[`d ${name}`], { moments: moments[i], step, rate })
    })
  }
  await program.release()
  return losses
}

interface AdamState {
  readonly moments: readonly Float32Array[]
  readonly step: number
  readonly rate: number
}

function adam(weight: Float32Array, gradient: ArrayLike<number>, { moments: [m, v], step, rate }: AdamState) {
  for (let i = 0; i < weight.length; i++) {
    m[i] = 0.9 * m[i] + 0.1 * gradient[i]
    v[i] = 0.99 * v[i] + 0.01 * gradient[i] ** 2
    weight[i] -= (rate * (m[i] / (1 - 0.9 ** step))) / (Math.sqrt(v[i] / (1 - 0.99 ** step)) + 1e-8)
  }
}

/** Fails unless the last loss is less than `share` of the first one. */
export function assertLearned(losses: readonly number[], share: number): void {
  const [first, last] = [losses[0], losses.at(-1)!]
  assert.ok(last < share * first, `the loss went from ${first} to ${last} only`)
}
