import { type Shape, size, type Tensor } from '../graph/index.ts'
import { mul } from './arithmetic.ts'
import type { Geometry } from './conv-geometry.ts'
import { matmul } from './matmul.ts'
import { concat, pad, reshape, slice, transpose } from './movement.ts'
import { sum } from './reduce.ts'
import { positions, seenAt } from './windows.ts'

/** What the gradient of a convolution's weights depends on beside x and dy. */
export interface WeightGeometry extends Geometry {
  readonly groups: number
}

/**
 * Gradient of the weights [O, C / groups, ...kernel] of a convolution, from its input x [B, C, ...] and the gradient
 * dy [B, O, ...] of its output: for each tap of the kernel one matrix product of dy with the part of x that the tap saw.
 */
export function weightGradient(x: Tensor, dy: Tensor, weights: Shape, geometry: WeightGeometry): Tensor {
  const { groups, before } = geometry
  const [B, O, ...out] = dy.shape
  const kernel = weights.slice(2)
  const C = x.shape[1]
  const flat = B * size(out)
  const rows = reshape(channelsFirst(dy), [groups, O / groups, flat])
  const padded = padTo(channelsFirst(x), before, paddedSize(out, kernel, geometry)) // [C, B, ...]
  const taps = positions(kernel).map((tap) => {
    const seen = reshape(seenAt(padded, tap, out, geometry), [groups, C / groups, flat])
    const product =
      weights[1] === 1 && O === groups ? sum(mul(rows, seen), 2) : matmul(rows, seen, { transposeB: true })
    return reshape(product, [O, C / groups, 1])
  })
  return reshape(concat(taps, 2), weights)
}

/** [B, C, ...] → [C, B, ...] */
const channelsFirst = (x: Tensor): Tensor => transpose(x, [1, 0, ...x.shape.slice(2).map((_, i) => i + 2)])

/** The part of each axis of x, padding included, that some place of the kernel reads. */
const paddedSize = (out: Shape, kernel: Shape, { stride, dilation }: Geometry): number[] =>
  out.map((n, i) => (n - 1) * stride[i] + (kernel[i] - 1) * dilation[i] + 1)

/** x [.., ..., spatial] with zeros in front, and with zeros added or elements dropped behind until it has the sizes. */
function padTo(x: Tensor, before: readonly number[], sizes: readonly number[]): Tensor {
  const spatial = x.shape.slice(2)
  const after = spatial.map((n, i) => sizes[i] - n - before[i])
  const wide = pad(x, [0, 0, ...before], [0, 0, ...after.map((n) => Math.max(n, 0))])
  return sizes.reduce((y, n, i) => slice(y, i + 2, 0, n), wide)
}
