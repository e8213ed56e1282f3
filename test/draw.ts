import { type Shape, size } from '../src/graph/index.ts'

/** One input of an op: a shape, whose numbers are drawn in [−1, 1) and may be mapped by `draw`, or whole numbers in [0, below). */
export type InputSpec =
  | Shape
  | { readonly shape: Shape; readonly draw?: (u: number) => number }
  | { readonly shape: Shape; readonly dtype: 'int32'; readonly below: number }

/** The array that is drawn for a specification. */
export type ArrayOf<S> = S extends { readonly dtype: 'int32' } ? Int32Array : Float32Array

/** Numbers in [0, 1) from a seed (mulberry32, Tommy Ettinger 2017). */
export function generator(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** The shape that a specification names. */
export const shapeOf = (spec: InputSpec): Shape => ('shape' in spec ? spec.shape : spec)

/** Whether a specification asks for whole numbers. */
export const isWhole = (spec: InputSpec): spec is { shape: Shape; dtype: 'int32'; below: number } => 'dtype' in spec

/** A number in [−1, 1) on a grid of 1/4096, so that steps of finite differences are exact in 32 bits. */
export const onGrid = (u: number): number => Math.floor((2 * u - 1) * 4096) / 4096

/** An array with the numbers that a specification asks for. */
export function drawn(spec: InputSpec, uniform: () => number): Float32Array | Int32Array {
  const length = size(shapeOf(spec))
  if (isWhole(spec)) return Int32Array.from({ length }, () => Math.floor(uniform() * spec.below))
  const draw = 'draw' in spec && spec.draw ? spec.draw : (u: number) => u
  return Float32Array.from({ length }, () => draw(onGrid(uniform())))
}
