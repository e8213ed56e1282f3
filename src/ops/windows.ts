import type { Shape, Tensor } from '../graph/index.ts'
import type { Geometry } from './conv-geometry.ts'
import { dilate, pad, slice } from './movement.ts'

/** All positions inside a window, in row-major order. */
export function positions(kernel: Shape): number[][] {
  return kernel.reduce<number[][]>(
    (list, n) => list.flatMap((at) => Array.from({ length: n }, (_, i) => [...at, i])),
    [[]],
  )
}

/** What one position of the window sees at each of the `out` places, of an x [., ., ...] that is padded already. */
export const seenAt = (x: Tensor, at: readonly number[], out: Shape, { stride, dilation }: Geometry): Tensor =>
  at.reduce((t, place, i) => {
    const start = place * dilation[i]
    return slice(t, i + 2, start, start + (out[i] - 1) * stride[i] + 1, stride[i])
  }, x)

/** The adjoint of `seenAt`: what was seen goes back to where it came from, among zeros; `sizes` are those of x. */
export function putBack(t: Tensor, at: readonly number[], sizes: Shape, { stride, dilation }: Geometry): Tensor {
  const spread = dilate(t, [1, 1, ...stride])
  const before = at.map((place, i) => place * dilation[i])
  const after = sizes.map((n, i) => n - before[i] - spread.shape[i + 2])
  return pad(spread, [0, 0, ...before], [0, 0, ...after])
}
