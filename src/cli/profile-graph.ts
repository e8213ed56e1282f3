import { input, nodesOf, size, type Tensor } from '../graph/index.ts'
import { type Named, publishedModel } from '../models/published.ts'
import { videoDecoder, videoEncoder, videoVaeConfig } from '../models/video-vae.ts'
import { type Parameter, type Params, params } from '../nn/index.ts'
import { add, mean, square } from '../ops/index.ts'
import { stream } from '../random.ts'
import type { Arrays } from '../runtime/runtime.ts'
import type { OptimizerConfig } from '../train/config.ts'
import type { Run } from '../train/recipe.ts'
import { exampleInputs } from './profile-inputs.ts'

/** A graph to be measured, with everything that it must be fed with. */
export interface ProfiledGraph {
  readonly className: string
  readonly outputs: Readonly<Record<string, Tensor>>
  /** What a training step minimises. */
  readonly loss: Tensor
  readonly parameters: readonly Parameter[]
  readonly inputs: Arrays
  readonly optimizer?: OptimizerConfig
}

/** The network of a config with example inputs; what a training step would minimise is the mean square of its outputs. */
export function modelGraph(json: unknown, options: { batch: number; shapes: readonly string[] }): ProfiledGraph {
  const { className, network } = networkOf(json)
  const p = params()
  const build = network(p)
  const specs = Object.entries(exampleInputs(className, json, options))
  const leaves = specs.map(([name, { shape, below }]) => [name, input(feed(name), shape, below ? 'int32' : 'float32')])
  const outputs = build(Object.fromEntries(leaves))
  const arrays = specs.map(([name, { shape, below }]) => {
    const random = stream({ seed: 0, purpose: `input ${name}` })
    const count = size(shape)
    return [feed(name), below ? Int32Array.from({ length: count }, () => random.integer(below)) : random.normal(count)]
  })
  const loss = Object.values(outputs)
    .map((y) => mean(square(y)))
    .reduce((a, b) => add(a, b))
  return { className, outputs, loss, parameters: read(p, [loss]), inputs: Object.fromEntries(arrays) }
}

// An argument may have the name of a parameter.
const feed = (name: string) => `input ${name}`

/** The loss of a recipe with its first batch. */
export async function recipeGraph(run: Run): Promise<ProfiledGraph> {
  const p = params()
  const { loss } = run.build(p, new Map(), (rows) => rows)
  const inputs = await run.batch(0)
  const parameters = read(p, [loss]).map((one) => (run.frozen?.(one.name) ? { ...one, trained: false } : one))
  return {
    className: run.name,
    outputs: { loss },
    loss,
    parameters,
    inputs,
    optimizer: run.optimizer,
  }
}

/** Parameters that the tensors depend on. */
function read(p: Params, tensors: readonly Tensor[]): Parameter[] {
  const needed = new Set(nodesOf(tensors))
  return [...p.all.values()].filter(({ tensor }) => needed.has(tensor.node))
}

interface Network {
  readonly className: string
  readonly network: (p: Params) => (inputs: Named) => Named
}

/** The network of a published class or of the project's autoencoder. */
function networkOf(json: unknown): Network {
  if ((json as { _class_name?: unknown } | null)?._class_name !== 'VideoVae') return publishedModel(json)
  const { config } = videoVaeConfig(json)
  return {
    className: 'VideoVae',
    network(p) {
      const encode = videoEncoder(p.at('encoder'), config)
      const decode = videoDecoder(p.at('decoder'), config)
      return ({ sample, latent }) => ({ ...encode(sample), decoded: decode(latent) })
    },
  }
}

/** First values of the parameters. */
export const firstWeights = (parameters: readonly Parameter[]): Record<string, Float32Array> =>
  Object.fromEntries(
    parameters.map(({ name, init, tensor }) => [
      name,
      init(tensor.shape, stream({ seed: 0, purpose: `init ${name}` })),
    ]),
  )
