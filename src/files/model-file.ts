import { type FloatType, type NamedArrays, toStored } from './arrays.ts'
import { serializeSafetensors } from './safetensors.ts'

/** The bytes of a model's safetensors file, in half precision unless told otherwise. */
export function modelFile(weights: NamedArrays, dtype: FloatType = 'F16'): Uint8Array {
  const stored = Object.entries(weights).map(([name, array]) => [name, toStored(array, dtype)] as const)
  return serializeSafetensors(new Map(stored), { format: 'pt' })
}
