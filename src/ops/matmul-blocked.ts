import type { Emitter, Shape, Value } from '../graph/index.ts'

const domain = 'com.microsoft.nchwc'

/** From this many rows on, the faster product pays for the orders. Measured: docs/engine-notes.md. */
const leastRows = 2000

/** Whether aᵀ b of a [rows, M] and b [rows, N], the gradient of a linear layer's weights, is written with blocks of channels. */
export const isBlockedProduct = (a: Shape, b: Shape, { channelBlock }: Emitter): boolean =>
  channelBlock !== undefined &&
  a.length === 2 &&
  b.length === 2 &&
  a[0] >= leastRows &&
  [...a, b[1]].every((n) => n % channelBlock === 0)

/** aᵀ b → [M, N] as a convolution of one place: the rows are its input channels, a its weights, and the columns of b its places. */
export function blockedProduct([a, b]: readonly Value[], [rows, M]: Shape, [, N]: Shape, onnx: Emitter): Value {
  const seen = (value: Value, shape: Shape) => onnx.nodeOnce('Reshape', [value, onnx.ints(shape)])
  // Several layers may read the same b, as queries, keys and values do.
  const read = onnx.nodeOnce('ReorderInput', [seen(b, [1, rows, 1, N])], {}, domain)
  const weights = onnx.node('ReorderInput', [seen(a, [1, rows, 1, M])], { channels_last: 1 }, domain)
  const window = { kernel_shape: [1, 1], strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1], group: 1 }
  const y = onnx.node('Conv', [read, seen(weights, [M, rows, 1, 1])], window, domain)
  return seen(onnx.node('ReorderOutput', [y], { channels: M }, domain), [M, N])
}
