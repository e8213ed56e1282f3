import type { OnnxModel, Port } from '../onnx/index.ts'
import { type Arrays, kinds } from './runtime.ts'

type Ports = Pick<OnnxModel, 'inputs' | 'outputs'>

const elements = ({ shape }: Pick<Port, 'shape'>) => shape.reduce((a, b) => a * b, 1)

/** Bytes that a port's array takes in a buffer: arrays begin at multiples of 64. */
const stepOf = (port: Pick<Port, 'shape' | 'dtype'>) =>
  Math.ceil((elements(port) * kinds[port.dtype].BYTES_PER_ELEMENT) / 64) * 64

/** Bytes of a buffer that holds every input and output of a model. */
export const portBytes = ({ inputs, outputs }: Ports): number =>
  [...inputs, ...outputs].reduce((total, port) => total + stepOf(port), 0)

/** Inputs and outputs of a model by name, as views of one buffer. */
export function portArrays(buffer: ArrayBufferLike, { inputs, outputs }: Ports): { inputs: Arrays; outputs: Arrays } {
  let at = 0
  const views = (ports: readonly Pick<Port, 'name' | 'shape' | 'dtype'>[]): Arrays =>
    Object.fromEntries(
      ports.map((port) => {
        const array = new kinds[port.dtype](buffer as ArrayBuffer, at, elements(port))
        at += stepOf(port)
        return [port.name, array]
      }),
    )
  return { inputs: views(inputs), outputs: views(outputs) }
}

/** Copies arrays into those of the same name. */
export function copyInto(target: Arrays, source: Arrays): void {
  for (const name in target) target[name].set(source[name])
}
