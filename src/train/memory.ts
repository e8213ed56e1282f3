import { TubeletError } from '../errors.ts'
import { type Shape, size } from '../graph/index.ts'
import kernelBytes from './kernels.wasm.ts'

/** Loops over the arrays of one memory; addresses are in bytes. See kernels.wat for the formulas. */
export interface Kernels {
  adamw(w: number, g: number, m: number, v: number, e: number, end: number, ...numbers: number[]): void
  momentum(g: number, m: number, u: number, end: number, scale: number, beta: number): void
  descend(w: number, u: number, e: number, end: number, keep: number, rate: number, ema: number): void
  add(a: number, b: number, end: number): void
  squares(a: number, end: number): number
}

/** A named array inside a section. */
export interface Slot {
  readonly name: string
  readonly shape: Shape
}

/** One array after another for every slot, and the same order for each kind of array (weights, gradients, moments …). */
export interface ParameterMemory {
  readonly kernels: Kernels
  /** Bytes of one section: each slot padded to a multiple of 64. */
  readonly bytes: number
  /** First byte of a section, or of a slot in it. */
  start(section: string, slot?: string): number
  /** The array of a slot in a section. */
  view(section: string, slot: string): Float32Array
  /** `bytes` of a section from a slot on, across the slots that follow it. */
  span(section: string, slot: string, bytes: number): Float32Array
}

/** Bytes that an array takes in a section. */
export const padded = (shape: Shape): number => Math.ceil(size(shape) / 16) * 64

/**
 * One WebAssembly memory that holds every array of the optimizer, so that a SIMD loop runs over all of them, while the
 * engine is fed from and writes into the very same bytes. It is not shared: the engine refuses shared memory. No two
 * sections begin at nearly the same place of a page, where a loop's loads would wait for its stores.
 * Throws TubeletError('memory') where the arrays do not fit.
 */
export function parameterMemory(slots: readonly Slot[], sections: readonly string[]): ParameterMemory {
  const offsets = new Map<string, number>()
  let bytes = 0
  for (const { name, shape } of slots) {
    offsets.set(name, bytes)
    bytes += padded(shape)
  }
  const base = 64
  const pitch = Math.ceil(bytes / 4096) * 4096 + 640
  const memory = allocate(base + pitch * sections.length)
  const module = new WebAssembly.Module(Uint8Array.from(atob(kernelBytes), (c) => c.charCodeAt(0)))
  const kernels = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Kernels
  const sizes = new Map(slots.map(({ name, shape }) => [name, size(shape)]))
  const start = (section: string, slot?: string) =>
    base + sections.indexOf(section) * pitch + (slot === undefined ? 0 : offsets.get(slot)!)
  return {
    kernels,
    bytes,
    start,
    view: (section, slot) => new Float32Array(memory.buffer, start(section, slot), sizes.get(slot)!),
    span: (section, slot, length) => new Float32Array(memory.buffer, start(section, slot), length / 4),
  }
}

const pageBytes = 65536
const mostPages = 65536 // WebAssembly's addresses end at 4 GiB

function allocate(bytes: number): WebAssembly.Memory {
  const size = `${(bytes / 2 ** 30).toFixed(1)} GiB`
  const initial = Math.ceil(bytes / pageBytes)
  if (initial > mostPages)
    throw new TubeletError('memory', `the model is too large: weights, gradients and moments take ${size} of 4 GiB`)
  try {
    return new WebAssembly.Memory({ initial, maximum: mostPages })
  } catch (error) {
    throw new TubeletError('memory', `out of memory: ${size} for weights, gradients and moments`, { cause: error })
  }
}
