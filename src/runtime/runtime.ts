import { TubeletError } from '../errors.ts'
import type { Tensor } from '../graph/index.ts'
import type { Arrays, ExportOptions, Port } from '../onnx/index.ts'

export type { Arrays } from '../onnx/index.ts'

/** Where programs run: ONNX Runtime's CPU or WebGPU provider in Node, WebAssembly or WebGPU in a browser. */
export type Device = 'cpu' | 'webgpu' | 'wasm'

/** Settings of a program. */
export interface LoadOptions {
  /** Values of inputs that stay the same: they become part of the program, which is faster where few rows meet a weight. */
  readonly constants?: Arrays
  /** Which constants products may read in 8 bits: up to three times faster and a hundredth off; on a processor only. */
  readonly int8?: (name: string) => boolean
  /** Threads of this program, or of all that run at the same time; all cores where absent. */
  readonly threads?: number
  /**
   * The program is one of so many that run at the same time, each in a thread of its own with its part of the cores; the
   * one that asks goes on meanwhile. What a run returns is valid until the next. Only onnxruntime-node's CPU does this;
   * elsewhere programs run one after another.
   */
  readonly apart?: number
  /** Prefix of the trace file that the engine writes when the program is released. */
  readonly profile?: string
}

/** A loaded graph. */
export interface Program {
  readonly inputs: readonly Port[]
  readonly outputs: readonly Port[]
  /** Runs once. An output named in `into` is written into that array, which is then the one returned. */
  run(feeds: Arrays, into?: Arrays): Promise<Arrays>
  /** Frees the program's memory. */
  release(): Promise<void>
}

/** Turns graphs into programs on one device. */
export interface Runtime {
  readonly device: Device
  load(outputs: Record<string, Tensor>, options?: LoadOptions): Promise<Program>
}

/** The array that holds each element type. */
export const kinds = { float32: Float32Array, int32: Int32Array, bool: Uint8Array } as const

/** Throws where an array does not fit the input or output it is meant for. */
export function checkArray(
  port: Port,
  array: Arrays[string] | undefined,
  what: string,
): asserts array is Arrays[string] {
  const { name, shape, dtype } = port
  const want = `${dtype} [${shape.join(', ')}]`
  if (!array) throw new TubeletError('input', `${what} '${name}' is missing: it must be ${want}`)
  const count = shape.reduce((a, b) => a * b, 1)
  if (!(array instanceof kinds[dtype]) || array.length !== count)
    throw new TubeletError(
      'input',
      `${what} '${name}' must be ${want}, not ${array.constructor.name} of ${array.length}`,
    )
}

/** Throws where an array of `into` fits no output. */
export function checkInto(outputs: readonly Port[], into: Arrays): void {
  for (const [name, array] of Object.entries(into)) {
    const port = outputs.find((output) => output.name === name)
    if (!port)
      throw new TubeletError(
        'input',
        `output '${name}' does not exist: there is ${outputs.map((o) => o.name).join(', ')}`,
      )
    checkArray(port, array, 'output')
  }
}

/** What a graph is exported for. Throws where products in 8 bits are asked of a device that has none. */
export function exportOptions(device: Device, { constants, int8 }: LoadOptions): ExportOptions {
  if (int8 && device === 'webgpu') throw new TubeletError('usage', 'int8: WebGPU has no products in 8 bits; use fp32')
  return { target: device === 'webgpu' ? 'webgpu' : 'cpu', constants, int8 }
}
