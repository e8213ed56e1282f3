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
  /** First byte of a section. */
  start(section: string): number
  /** Byte of a slot within a section. */
  offset(name: string): number
  /** The array of a slot in a section. */
  view(section: string, name: string): Float32Array
  /** `count` floats of a section from a slot on, across slots that follow each other without padding. */
  span(section: string, name: string, count: number): Float32Array
}

/** Bytes that an array takes in a section. */
export const padded = (shape: Shape): number => Math.ceil(size(shape) / 16) * 64

/**
 * One WebAssembly memory that holds every array of the optimizer, so that a SIMD loop runs over all of them, while the
 * engine is fed from and writes into the very same bytes. It is not shared: the engine refuses shared memory.
 */
export function parameterMemory(slots: readonly Slot[], sections: readonly string[]): ParameterMemory {
  const offsets = new Map<string, number>()
  let bytes = 0
  for (const { name, shape } of slots) {
    offsets.set(name, bytes)
    bytes += padded(shape)
  }
  const base = 64
  const memory = new WebAssembly.Memory({
    initial: Math.ceil((base + bytes * sections.length) / 65536),
    maximum: 65536,
  })
  const module = new WebAssembly.Module(Uint8Array.from(atob(kernelBytes), (c) => c.charCodeAt(0)))
  const kernels = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Kernels
  const sizes = new Map(slots.map(({ name, shape }) => [name, size(shape)]))
  const start = (section: string) => base + sections.indexOf(section) * bytes
  const span = (section: string, name: string, count: number) =>
    new Float32Array(memory.buffer, start(section) + offsets.get(name)!, count)
  return {
    kernels,
    bytes,
    start,
    offset: (name) => offsets.get(name)!,
    span,
    view: (section, name) => span(section, name, sizes.get(name)!),
  }
}
