import { TubeletError } from '../errors.ts'
import type { NamedArray, NamedArrays } from '../files/arrays.ts'
import { input, type Tensor } from '../graph/index.ts'
import { type PublishedModel, publishedModel } from '../models/published.ts'
import { params } from '../nn/index.ts'
import type { Runtime } from '../runtime/runtime.ts'
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
  const model = publishedModel(config)
  const { className } = model
  const p = params()
  const build = model.network(p)
  const fed = weightsFor(p, weights, { where: `${className} weights`, spare: model.spare })
  const { inputs, outputs } = sidesOf(expected)
  checkArguments(model, Object.keys(inputs))
  const wanted = wantedOf(className, build(leaves(inputs)), outputs)
  const program = await runtime.load(wanted)
  try {
    for (const [name, { data }] of Object.entries(inputs)) fed[feed(name)] = data
    const results = await program.run(Object.fromEntries(program.inputs.map(({ name }) => [name, fed[name]])))
    return { className, outputs: compare(results, outputs) }
  } catch (error) {
    if (error instanceof TubeletError) throw error
    const { message } = error as Error
    throw new TubeletError('input', `${className} cannot run on the stored inputs: ${message}`, { cause: error })
  } finally {
    await program.release()
  }
}

/** Stored arrays as inputs and outputs, by the names behind the dot. */
export function sidesOf(expected: NamedArrays): { inputs: NamedArrays; outputs: NamedArrays } {
  const side = (start: string) => {
    const named = Object.entries(expected).filter(([name]) => name.startsWith(start))
    return Object.fromEntries(named.map(([name, array]) => [name.slice(start.length), array]))
  }
  const found = { inputs: side('input.'), outputs: side('output.') }
  if (Object.keys(found.outputs).length === 0)
    throw new TubeletError('input', "the expected answers hold no tensor named 'output.…' to compare with")
  return found
}

function checkArguments({ className, needs, takes, takesLike }: PublishedModel, given: readonly string[]) {
  const missing = needs.find((name) => !given.includes(name))
  if (missing) throw new TubeletError('input', `${className} needs the tensor 'input.${missing}', which is not stored`)
  const known = [...needs, ...takes]
  const strange = given.find((name) => !known.includes(name) && !takesLike?.names.test(name))
  if (!strange) return
  const names = takesLike ? [...takes, takesLike.said] : known
  throw new TubeletError('input', `${className} takes no input '${strange}'; it takes ${names.join(', ')}`)
}

// An argument may have the name of a parameter, so inputs have a mark that no parameter has.
const feed = (name: string) => `input ${name}`

const leaves = (inputs: NamedArrays): Record<string, Tensor> =>
  Object.fromEntries(
    Object.entries(inputs).map(([name, array]) => [name, input(feed(name), array.shape, typeOf(array))]),
  )

const typeOf = ({ data }: NamedArray) =>
  data instanceof Float32Array ? 'float32' : data instanceof Int32Array ? 'int32' : 'bool'

function wantedOf(className: string, made: Readonly<Record<string, Tensor>>, outputs: NamedArrays) {
  for (const [name, { shape }] of Object.entries(outputs)) {
    if (!Object.hasOwn(made, name))
      throw new TubeletError(
        'input',
        `${className} gives no output '${name}'; it gives ${Object.keys(made).join(', ')}`,
      )
    const own = made[name].shape
    if (own.join() !== shape.join())
      throw new TubeletError(
        'input',
        `${className}: output '${name}' is [${own.join(', ')}] and stored as [${shape.join(', ')}]`,
      )
  }
  return Object.fromEntries(Object.keys(outputs).map((name) => [name, made[name]]))
}

/** The worst relative error of each output. */
export const compare = (got: Readonly<Record<string, ArrayLike<number>>>, want: NamedArrays): OutputError[] =>
  Object.entries(want).map(([name, { data, shape }]) => ({ name, shape, error: worstError(got[name], data) }))

/** max |a − b| / max |b|; NaN where an element is not a number, 0 where all are equal. */
export function worstError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [error, scale] = [0, 0]
  for (let i = 0; i < b.length; i++) {
    const distance = Math.abs(a[i] - b[i])
    if (Number.isNaN(distance)) return Number.NaN
    error = Math.max(error, distance)
    scale = Math.max(scale, Math.abs(b[i]))
  }
  return error === 0 ? 0 : error / scale
}
