import { TubeletError } from '../errors.ts'
import type { NamedArrays } from '../files/arrays.ts'
import type { Params } from '../nn/index.ts'
import type { Arrays } from '../runtime/runtime.ts'

/** How weights are matched to the parameters of a model. */
export interface WeightsOptions {
  readonly where?: string // names the file in errors
  readonly spare?: RegExp // tensors of the file that the model may leave unread
}

/**
 * The arrays of a published file for the parameters that a model declared: every parameter must be there with its
 * shape, and nothing else may be. Throws TubeletError('input') that names the first tensor that does not fit.
 */
export function weightsFor(
  p: Params,
  given: NamedArrays,
  { where = 'the weights', spare }: WeightsOptions = {},
): Arrays {
  const stored = currentNames(given)
  const weights: Arrays = {}
  for (const [name, { tensor }] of p.all) {
    const found = Object.hasOwn(stored, name) ? stored[name] : undefined
    const want = `[${tensor.shape.join(', ')}]`
    if (!found)
      throw new TubeletError('input', `${where}: tensor '${name}' is missing; it must be ${tensor.dtype} ${want}`)
    if (found.shape.length !== tensor.shape.length || found.shape.some((n, i) => n !== tensor.shape[i]))
      throw new TubeletError(
        'input',
        `${where}: tensor '${name}' is [${found.shape.join(', ')}]; the config asks for ${want}`,
      )
    const { data } = found
    weights[name] = data instanceof Float32Array ? data : Float32Array.from(data) // counters are whole numbers
  }
  for (const name of Object.keys(stored))
    if (!p.all.has(name) && !spare?.test(name))
      throw new TubeletError('input', `${where}: tensor '${name}' belongs to no parameter of the model`)
  return weights
}

const oldNames: Readonly<Record<string, string>> = { query: 'to_q', key: 'to_k', value: 'to_v', proj_attn: 'to_out.0' }

/** Weights of attention over pixels have other names in files that diffusers wrote before 2023; it renames them too. */
function currentNames(stored: NamedArrays): NamedArrays {
  if (!Object.keys(stored).some((name) => name.includes('.proj_attn.'))) return stored
  const renamed = (name: string) =>
    name.replace(/(\.attentions\.\d+\.)(query|key|value|proj_attn)(?=\.)/, (_, at, old) => at + oldNames[old])
  return Object.fromEntries(Object.entries(stored).map(([name, array]) => [renamed(name), array]))
}

/** Throws where a config asks for more blocks than its file has tensors: building them could go on for ever. */
export function checkDepths(where: string, depths: Readonly<Record<string, number>>, stored: NamedArrays) {
  const most = Object.keys(stored).length
  for (const [name, depth] of Object.entries(depths))
    if (depth > most)
      throw new TubeletError(
        'input',
        `${where}: the config says ${name} ${depth}, and the file has ${most} tensors in all`,
      )
}
