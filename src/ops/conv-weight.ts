import { type Shape, scalar, size, type Tensor } from '../graph/index.ts'
import { mul } from './arithmetic.ts'
import type { Geometry } from './conv-geometry.ts'
import { matmul } from './matmul.ts'
import { concat, reshape, slice, transpose, window } from './movement.ts'
import { expand, sum } from './reduce.ts'

/** What the gradient of a convolution's weights depends on beside x and dy. */
export interface WeightGeometry extends Geometry {
  readonly groups: number
  readonly kernel: Shape
}

/** The factors of the products, each with K columns: the products of all of them are the gradient. */
interface Factors {
  readonly left: readonly Tensor[] // dy for each position along the last axis of the kernel, [P, O, K]
  readonly right: readonly Tensor[] // x for each position along the other axes, [P, C, K]
}

/** From this many places on, each sample has a product of its own; below, all samples share one. Measured: docs/engine-notes.md. */
export const manyPlaces = 200
/** Up to this many input channels, the products of all positions in x are one. */
const fewChannels = 8

/**
 * Gradient of the weights [O, C / groups, ...kernel] of a convolution, from its input x [B, C, ...] and the gradient
 * dy [B, O, ...] of its output: for each tap of the kernel a product of dy with the part of x that the tap saw.
 */
export function tapProducts(x: Tensor, dy: Tensor, geometry: WeightGeometry): Tensor {
  const { groups: G, kernel, stride } = geometry
  const dense = stride.every((s) => s === 1) && size(dy.shape.slice(2)) >= manyPlaces
  const { left, right } = dense ? shifted(x, dy, geometry) : gathered(x, dy, geometry)
  const [P, O, K] = left[0].shape
  const C = x.shape[1] / G
  const weights = [O, C, ...kernel]
  const swapped = C > O / G && C > fewChannels // the engine is faster where the second factor is the smaller one
  const product = (dy: Tensor, x: Tensor): Tensor => {
    const channels = x.shape[1] / G
    const [rows, seen] = [reshape(dy, [P * G, O / G, K]), reshape(x, [P * G, channels, K])]
    const [a, b] = swapped ? [seen, rows] : [rows, seen]
    const y = O === G && channels === 1 ? sum(mul(rows, seen), 2) : matmul(a, b, { transposeB: true })
    const each = reshape(y, [P, O * channels])
    return P === 1 ? each : sum(each, 0, true) // over the samples, where each has its own product
  }
  if (C <= fewChannels) {
    const all = concat(
      right.map((part) => reshape(part, [P, G, C, K])),
      2,
    )
    const sums = left.map((rows) => product(rows, reshape(all, [P, G * right.length * C, K]))) // each [1, O · taps · C]
    const apart = reshape(concat(sums, 0), [left.length, O, right.length, C])
    return reshape(transpose(apart, [1, 3, 2, 0]), weights)
  }
  const all = concat(
    right.flatMap((seen) => left.map((rows) => product(rows, seen))),
    0,
  ) // [taps, O · C]
  if (!swapped) return reshape(transpose(all, [1, 0]), weights)
  return reshape(transpose(reshape(all, [-1, G, C, O / G]), [1, 3, 2, 0]), weights)
}

/**
 * Stride 1: x moves along all axes but the last, and dy along the last one, each within rows as long as those of x, with
 * zeros for what is moved in. Two of three copies are made for a 3 × 3 kernel that keeps the size, as the middle is what
 * is there already.
 */
function shifted(x: Tensor, dy: Tensor, { kernel, before, dilation }: WeightGeometry): Factors {
  const last = kernel.length - 1
  const rows = [...dy.shape.slice(2, -1), x.shape.at(-1)!]
  const part = (t: Tensor, from: readonly number[]) => {
    const [B, channels, ...sizes] = t.shape
    const nothing = sizes.some((n, i) => from[i] >= n || from[i] + rows[i] <= 0) // a tap that sees padding alone
    const shape = [B, channels, ...rows]
    const seen = nothing ? expand(scalar(0), shape) : window(t, [0, 0, ...from], shape)
    return reshape(seen, [B, channels, size(rows)])
  }
  const zeros = rows.slice(1).map(() => 0)
  return {
    left: positions(kernel.slice(last)).map(([place]) => part(dy, [...zeros, before[last] - place * dilation[last]])),
    right: positions(kernel.slice(0, last)).map((at) =>
      part(x, [...at.map((place, i) => place * dilation[i] - before[i]), 0]),
    ),
  }
}

/** Any stride: channels first, and for each tap a copy of what it saw at each place of all samples. */
function gathered(x: Tensor, dy: Tensor, geometry: WeightGeometry): Factors {
  const { kernel, before, stride, dilation } = geometry
  const [B, O, ...out] = dy.shape
  const C = x.shape[1]
  const read = out.map((n, i) => (n - 1) * stride[i] + (kernel[i] - 1) * dilation[i] + 1)
  const shape = [C, B, ...read]
  const nothing = read.some((n, i) => n <= before[i]) // windows that see padding alone
  const padded = nothing ? expand(scalar(0), shape) : window(channelsFirst(x), [0, 0, ...before.map((n) => -n)], shape)
  const K = B * size(out)
  const right = positions(kernel).map((at) => reshape(seenAt(padded, at, out, geometry), [1, C, K]))
  return { left: [reshape(channelsFirst(dy), [1, O, K])], right }
}

/** [B, C, ...] → [C, B, ...] */
const channelsFirst = (x: Tensor): Tensor => transpose(x, [1, 0, ...x.shape.slice(2).map((_, i) => i + 2)])

/** All positions inside a kernel, in row-major order. */
function positions(kernel: Shape): number[][] {
  return kernel.reduce<number[][]>(
    (list, n) => list.flatMap((at) => Array.from({ length: n }, (_, i) => [...at, i])),
    [[]],
  )
}

/** What one position of the kernel sees at each of the `out` places, of an x [., ., ...] that is padded already. */
const seenAt = (x: Tensor, at: readonly number[], out: Shape, { stride, dilation }: Geometry): Tensor =>
  at.reduce((t, place, i) => {
    const start = place * dilation[i]
    return slice(t, i + 2, start, start + (out[i] - 1) * stride[i] + 1, stride[i])
  }, x)
