import { type Shape, size, strides, type Tensor } from '../graph/index.ts'
import { mul } from './arithmetic.ts'
import type { Geometry } from './conv-geometry.ts'
import { matmul } from './matmul.ts'
import { concat, pad, reshape, slice, transpose } from './movement.ts'
import { sum } from './reduce.ts'

/** What the gradient of a convolution's weights depends on beside x and dy. */
export interface WeightGeometry extends Geometry {
  readonly groups: number
}

/** The factors of the products: for each tap of the kernel one matrix of what it saw, and dy, both with K columns. */
interface Factors {
  readonly rows: Tensor // [P, O, K]
  readonly taps: readonly Tensor[] // each [P, C, K]
}

/** From this many places on, each sample has a product of its own; below, all samples share one. Measured: docs/engine-notes.md. */
const manyPlaces = 512
/** Up to this many input channels, the products of all taps are one. */
const fewChannels = 8

/**
 * Gradient of the weights [O, C / groups, ...kernel] of a convolution, from its input x [B, C, ...] and the gradient
 * dy [B, O, ...] of its output: for each tap of the kernel a product of dy with the part of x that the tap saw.
 */
export function weightGradient(x: Tensor, dy: Tensor, weights: Shape, geometry: WeightGeometry): Tensor {
  const { groups: G, stride } = geometry
  const kernel = weights.slice(2)
  const dense = stride.every((s) => s === 1) && size(dy.shape.slice(2)) >= manyPlaces
  const { rows, taps } = dense ? shifted(x, dy, kernel, geometry) : gathered(x, dy, kernel, geometry)
  const [P, O, K] = rows.shape
  const C = weights[1]
  const left = reshape(rows, [P * G, O / G, K])
  const product = (right: Tensor): Tensor => {
    const y = O === G && right.shape[1] === 1 ? sum(mul(left, right), 2) : matmul(left, right, { transposeB: true })
    const each = reshape(y, [P, O, right.shape[1]])
    return P === 1 ? each : sum(each, 0) // over the samples, where each has its own product
  }
  const right = taps.map((tap) => reshape(tap, [P * G, C, K]))
  if (C <= fewChannels) {
    const all = reshape(product(concat(right, 1)), [O, taps.length, C])
    return reshape(transpose(all, [0, 2, 1]), weights)
  }
  const all = right.map((tap) => reshape(product(tap), [1, O * C]))
  return reshape(transpose(concat(all, 0), [1, 0]), weights)
}

/**
 * Stride 1: x and dy in rows of one padded length, so that what a tap saw is x from some element on, one contiguous
 * piece for each channel. Behind each row of dy stand zeros, which cancel what the piece holds of the next row.
 */
function shifted(x: Tensor, dy: Tensor, kernel: Shape, { before, dilation }: Geometry): Factors {
  const [B, O, first, ...rest] = dy.shape
  const widths = rest.map((n, i) => n + (kernel[i + 1] - 1) * dilation[i + 1])
  const wide = fit(dy, [0, 0, 0, ...rest.map(() => 0)], [B, O, first, ...widths])
  // One row more than any tap needs: the last pieces end in it.
  const height = first + (kernel[0] - 1) * dilation[0] + (rest.length > 0 ? 1 : 0)
  const padded = fit(x, [0, 0, ...before], [B, x.shape[1], height, ...widths])
  const flat = reshape(padded, [B, x.shape[1], -1])
  const K = first * size(widths)
  const steps = strides([height, ...widths])
  const taps = positions(kernel).map((at) => {
    const start = at.reduce((total, place, i) => total + place * dilation[i] * steps[i], 0)
    return slice(flat, 2, start, start + K)
  })
  return { rows: reshape(wide, [B, O, K]), taps }
}

/** Any stride: channels first, and for each tap a copy of what it saw at each place of all samples. */
function gathered(x: Tensor, dy: Tensor, kernel: Shape, geometry: Geometry): Factors {
  const { before, stride, dilation } = geometry
  const [B, O, ...out] = dy.shape
  const C = x.shape[1]
  const read = out.map((n, i) => (n - 1) * stride[i] + (kernel[i] - 1) * dilation[i] + 1)
  const padded = fit(channelsFirst(x), [0, 0, ...before], [C, B, ...read])
  const K = B * size(out)
  const taps = positions(kernel).map((at) => reshape(seenAt(padded, at, out, geometry), [1, C, K]))
  return { rows: reshape(channelsFirst(dy), [1, O, K]), taps }
}

/** [B, C, ...] → [C, B, ...] */
const channelsFirst = (x: Tensor): Tensor => transpose(x, [1, 0, ...x.shape.slice(2).map((_, i) => i + 2)])

/** x with zeros in front, and with zeros added or elements dropped behind until it has the shape. */
function fit(x: Tensor, before: readonly number[], shape: Shape): Tensor {
  const missing = shape.map((n, i) => Math.max(n - x.shape[i] - before[i], 0))
  return shape.reduce((y, n, i) => slice(y, i, 0, n), pad(x, before, missing))
}

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
