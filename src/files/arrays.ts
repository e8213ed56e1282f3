import { TubeletError } from '../errors.ts'
import { fromBfloat, fromHalf, toBfloat, toHalf } from './half.ts'
import type { StoredTensor, StoredType } from './safetensors.ts'

/** An array as programs take it: float32 numbers, int32 indices, or bytes. */
export interface NamedArray {
  readonly data: Float32Array | Int32Array | Uint8Array
  readonly shape: readonly number[]
}

/** Arrays by name, e.g. the weights of a model under the names of its published checkpoint. */
export type NamedArrays = Record<string, NamedArray>

/** The numbers of weights by name, as programs are fed with them. */
export const dataOf = (weights: Readonly<Record<string, { readonly data: NamedArray['data'] }>>) =>
  Object.fromEntries(Object.entries(weights).map(([name, { data }]) => [name, data as Float32Array]))

/** How float32 arrays are stored. */
export type FloatType = 'F32' | 'F16' | 'BF16'

/** Stored floats of any width become float32, stored whole numbers int32, bytes and truth values stay bytes. */
export function fromStored(name: string, { dtype, shape, data }: StoredTensor): NamedArray {
  if (data instanceof Float32Array || data instanceof Int32Array) return { data, shape }
  if (dtype === 'F16') return { data: fromHalf(data as Uint16Array), shape }
  if (dtype === 'BF16') return { data: fromBfloat(data as Uint16Array), shape }
  if (data instanceof Float64Array) return { data: Float32Array.from(data), shape }
  if (dtype === 'U8' || dtype === 'BOOL') return { data: data as Uint8Array, shape }
  if (dtype === 'F8_E4M3' || dtype === 'F8_E5M2')
    throw new TubeletError(
      'input',
      `tensor '${name}' is stored as ${dtype}, which is not supported; use F32, F16 or BF16`,
    )
  const whole = new Int32Array(data.length)
  for (let i = 0; i < whole.length; i++) {
    whole[i] = Number(data[i])
    if (whole[i] !== Number(data[i]))
      throw new TubeletError('input', `tensor '${name}' holds ${data[i]}, which does not fit 32 bits`)
  }
  return { data: whole, shape }
}

/** The opposite of `fromStored`: float32 arrays are stored as `dtype` (default F32), int32 as I32, bytes as U8. */
export function toStored({ data, shape }: NamedArray, dtype: FloatType = 'F32'): StoredTensor {
  if (data instanceof Int32Array) return { dtype: 'I32', shape, data }
  if (data instanceof Uint8Array) return { dtype: 'U8', shape, data }
  return { dtype, shape, data: floatsAs(dtype, data) }
}

function floatsAs(dtype: StoredType, data: Float32Array): StoredTensor['data'] {
  if (dtype === 'F16') return toHalf(data)
  if (dtype === 'BF16') return toBfloat(data)
  return data
}
