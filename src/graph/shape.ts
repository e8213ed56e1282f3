/** The size of each axis; a scalar has none. */
export type Shape = readonly number[]

/** Number of elements. */
export const size = (shape: Shape): number => shape.reduce((product, n) => product * n, 1)

/** Whether both shapes have the same axes. */
export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((n, i) => n === b[i])

/** The shape that numpy's rule gives for a and b together, or undefined where they do not fit. */
export function broadcastShapes(a: Shape, b: Shape): Shape | undefined {
  const rank = Math.max(a.length, b.length)
  const shape: number[] = []
  for (let i = 0; i < rank; i++) {
    const m = a[a.length - rank + i] ?? 1
    const n = b[b.length - rank + i] ?? 1
    if (m !== n && m !== 1 && n !== 1) return undefined
    shape.push(m === 1 ? n : m)
  }
  return shape
}

/** Distance in elements between neighbours along each axis of a dense row-major array. */
export function strides(shape: Shape): number[] {
  const result = new Array<number>(shape.length)
  for (let i = shape.length - 1, step = 1; i >= 0; i--) {
    result[i] = step
    step *= shape[i]
  }
  return result
}
