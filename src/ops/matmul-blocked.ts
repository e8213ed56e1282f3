import type { Emitter, Shape, Value } from '../graph/index.ts'
import { blockDomain, inBlocks } from './blocks.ts'

/** From this many rows on, the faster product pays for the orders. Measured: docs/engine-notes.md. */
const leastRows = 2000

/** Whether aᵀ b of a [rows, M] and b [rows, N], the gradient of a linear layer's weights, is written with blocks of channels. */
export const isBlockedProduct = (a: Shape, b: Shape, block: number | undefined): boolean =>
  block !== undefined &&
  a.length === 2 &&
  b.length === 2 &&
  a[0] >= leastRows &&
  [...a, b[1]].every((n) => n % block === 0)

/** aᵀ b → [M, N] as a convolution of one place: the rows are its input channels, a its weights, and the columns of b its places. */
export function blockedProduct([x, y]: readonly Value[], [rows, M]: Shape, [, N]: Shape, onnx: Emitter): Value {
  const seen = (value: Value, shape: Shape) => onnx.node('Reshape', [value, onnx.ints(shape)])
  const places = inBlocks(y, [1, rows, 1, N], onnx)
  const weights = seen(inBlocks(x, [1, rows, 1, M], onnx, { channelsLast: true }), [M, rows, 1, 1])
  const window = { kernel_shape: [1, 1], strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1], group: 1 }
  const product = onnx.node('Conv', [places, weights], window, blockDomain)
  return seen(onnx.node('ReorderOutput', [product], { channels: M }, blockDomain), [M, N])
}
