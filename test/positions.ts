import { type Shape, size, strides } from '../src/graph/index.ts'

/** An array of that shape, each element computed from its position. */
export function fill(shape: Shape, element: (position: readonly number[]) => number): Float32Array {
  const steps = strides(shape)
  return Float32Array.from({ length: size(shape) }, (_, i) =>
    element(shape.map((n, axis) => Math.floor(i / steps[axis]) % n)),
  )
}

/**
 * The element of an array of that shape at a position. The position may have more axes in front, and axes of size 1
 * hold one element for every position: what is read is the array after a broadcast.
 */
export function at(array: ArrayLike<number>, shape: Shape, position: readonly number[]): number {
  const steps = strides(shape)
  const front = position.length - shape.length
  return array[shape.reduce((i, n, axis) => i + (n === 1 ? 0 : position[front + axis]) * steps[axis], 0)]
}
