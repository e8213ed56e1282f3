import { TubeletError } from '../errors.ts'
import type { NamedArrays } from '../files/arrays.ts'
import { input, type Tensor } from '../graph/index.ts'
import { publishedModel } from '../models/published.ts'
import { params } from '../nn/index.ts'
import type { Arrays, Runtime } from '../runtime/runtime.ts'
import { weightsFor } from './weights.ts'

/** How far one output is from the stored answer. */
export interface OutputError {
  readonly name: string
  readonly shape: readonly number[]
  readonly error: number // max |a − b| / max |b|; NaN where an element is not a number
}

/** What a comparison found. */
export interface Verification {
  readonly className: string
  readonly outputs: readonly OutputError[]
}

/** The parts of a model folder. */
export interface ModelParts {
  readonly config: unknown // of config.json
  readonly weights: NamedArrays
  readonly expected: NamedArrays // `input.ARG` go in, `output.NAME` must come out
}

/** Runs a model of a published class on stored inputs and compares what comes out with the stored outputs. */
export async function verifyModel({ config, weights, expected }: ModelParts, runtime: Runtime): Promise<Verification> {
  const { className, spare, network } = publishedModel(config)
  const p = params()
  const build = network(p)
  const constants = weightsFor(p, weights, { where: `${className} weights`, spare })
  const { inputs, outputs } = sides(expected)
  const wanted = wantedOf(className, build(leaves(inputs)), outputs)
  const feeds = Object.fromEntries(Object.entries(inputs).map(([name, { data }]) => [feed(name), data]))
  const program = await runtime.load(wanted)
  try {
    const used = program.inputs.map(({ name }) => [name, feeds[name] ?? constants[name]])
    const results = await program.run(Object.fromEntries(used))
    return { className, outputs: compare(results, outputs) }
  } finally {
    await program.release()
  }
}

/** Stored arrays as inputs and outputs, by the names behind the dot. */
export function sides(expected: NamedArrays): { inputs: NamedArrays; outputs: NamedArrays } {
  const side = (start: string) =>
    Object.fromEntries(
      Object.entries(expected).flatMap(([name, array]) =>
        name.startsWith(start) ? [[name.slice(start.length), array]] : [],
      ),
    )
  const found = { inputs: side('input.'), outputs: side('output.') }
  if (Object.keys(found.outputs).length === 0)
    throw new TubeletError('input', "the expected answers hold no tensor named 'output.…' to compare with")
  return found
}

// An argument may have the name of a parameter, so inputs have a mark that no parameter has.
const feed = (name: string) => `input ${name}`

const leaves = (inputs: NamedArrays): Record<string, Tensor> =>
  Object.fromEntries(
    Object.entries(inputs).map(([name, { data, shape }]) => [
      name,
      input(
        feed(name),
        shape,
        data instanceof Float32Array ? 'float32' : data instanceof Int32Array ? 'int32' : 'bool',
      ),
    ]),
  )

function wantedOf(className: string, made: Readonly<Record<string, Tensor>>, outputs: NamedArrays) {
  for (const [name, { shape }] of Object.entries(outputs)) {
    const y = made[name]
    if (!y)
      throw new TubeletError(
        'input',
        `${className} gives no output '${name}'; it gives ${Object.keys(made).join(', ')}`,
      )
    if (y.shape.join() !== shape.join())
      throw new TubeletError(
        'input',
        `${className}: output '${name}' is [${y.shape.join(', ')}] and stored as [${shape.join(', ')}]`,
      )
  }
  return Object.fromEntries(Object.keys(outputs).map((name) => [name, made[name]]))
}

/** The worst relative error of each output. */
export const compare = (got: Arrays, want: NamedArrays): OutputError[] =>
  Object.entries(want).map(([name, { data, shape }]) => ({ name, shape, error: worstError(got[name], data) }))

/** max |a − b| / max |b|; NaN where an element is not a number, 0 where all are equal. */
export function worstError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [error, scale] = [0, 0]
  for (let i = 0; i < b.length; i++) {
    const distance = Math.abs(a[i] - b[i])
    if (!(distance <= error)) error = distance // also where it is not a number
    if (Number.isNaN(error)) return error
    scale = Math.max(scale, Math.abs(b[i]))
  }
  return error === 0 ? 0 : error / scale
}
