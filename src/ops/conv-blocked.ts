import { type Emitter, type Shape, size, type Value } from '../graph/index.ts'
import { blockDomain, inBlocks } from './blocks.ts'
import { type Geometry, windowAttributes } from './conv-geometry.ts'
import { manyPlaces, type WeightGeometry } from './conv-weight.ts'
import { emitTranspose } from './movement.ts'

// The engine's convolutions over blocks of channels (NCHWc): it uses them by itself where weights are constants; where
// they are inputs, as in training, it must be asked, and the weights are put in order on the way.

/** Up to `alwaysChannels` the faster products pay for the two orders, up to `mostChannels` from `leastPlaces` on. Measured: docs/engine-notes.md. */
const [alwaysChannels, mostChannels, leastPlaces] = [128, 256, 256]

/** Whether a convolution of x [B, C, H, W] with w [O, C, ...] is written with blocks of channels. */
export function isBlocked(x: Shape, w: Shape, { groups }: { groups: number }, block: number | undefined): boolean {
  const [, C, ...spatial] = x
  return (
    block !== undefined &&
    groups === 1 &&
    spatial.length === 2 &&
    size(w.slice(2)) > 1 &&
    [C, w[0]].every((n) => n % block === 0 && n <= mostChannels) &&
    (Math.max(C, w[0]) <= alwaysChannels || size(spatial) >= leastPlaces)
  )
}

/** Inputs are x, w and perhaps a bias, in their plain order; so is the result. */
export function blockedConv(
  [x, w, ...bias]: readonly Value[],
  shapes: { readonly x: Shape; readonly w: Shape },
  geometry: Geometry,
  onnx: Emitter,
): Value {
  const block = onnx.channelBlock!
  const [O, C, ...kernel] = shapes.w
  const parts = [O / block, block, C / block, block, size(kernel)]
  // [O, C, taps] → [O / block, C / block, taps, block of C, block of O]
  const weights = emitTranspose(w, { shape: shapes.w, seen: parts, perm: [0, 2, 4, 3, 1], as: shapes.w }, onnx)
  const blocks = inBlocks(x, shapes.x, onnx)
  const window = { ...windowAttributes(kernel, geometry), group: 1 }
  const y = onnx.node('Conv', [blocks, weights, ...bias], window, blockDomain)
  return onnx.node('ReorderOutput', [y], { channels: O }, blockDomain)
}

/** Of a convolution's input x [B, C, ...] and of the gradient of its output. */
interface GradientShapes {
  readonly x: Shape
  readonly dy: Shape
}

/** Whether the gradient of weights is written as a convolution over blocks. */
export function isBlockedGradient(
  { x, dy }: GradientShapes,
  { groups, kernel, stride, before, dilation }: WeightGeometry,
  block: number | undefined,
): boolean {
  const spatial = x.slice(2)
  const [, O, ...out] = dy
  return (
    block !== undefined &&
    groups === 1 &&
    spatial.length === 2 &&
    size(kernel) > 1 &&
    size(out) >= manyPlaces &&
    stride.every((s) => s === 1) &&
    O % block === 0 &&
    spatial[1] % block === 0 &&
    // Each tap sees something beside the padding.
    kernel.every((k, i) => before[i] < out[i] && (k - 1) * dilation[i] - before[i] < spatial[i])
  )
}

/**
 * The gradient of weights [O, C, ...kernel] as a convolution of its own, whose kernel is dy. Its channels are the `block`
 * neighbours in a row of places, its first axis counts such groups of places, and its second one the channels of x. It
 * sees each position along the first axis of the weights a row further on; for those along the last axis, dy is moved.
 * Each sample is a group of its own, and their results are added.
 */
export function blockedGradient(
  [x, dy]: readonly Value[],
  shapes: GradientShapes,
  { kernel, before, after, dilation }: WeightGeometry,
  onnx: Emitter,
): Value {
  const block = onnx.channelBlock!
  const [B, C, H, W] = shapes.x
  const [, O, high, wide] = shapes.dy
  const seen = (value: Value, shape: Shape) => onnx.node('Reshape', [value, onnx.ints(shape)])
  // [B, C, H · W] → [B, H · W / block, C, block], as if the places were the channels
  const places = inBlocks(x, [B, C, 1, H * W], onnx, { channelsLast: true })
  const row = W / block
  const read = seen(places, [1, B * block, H * row, C])
  const rows = seen(inBlocks(dy, shapes.dy, onnx), [B * (O / block), high, wide * block])
  const window = {
    kernel_shape: [high * row, 1],
    strides: [dilation[0] * row, 1],
    pads: [before[0] * row, 0, after[0] * row, 0],
    dilations: [1, 1],
    group: B,
  }
  const columns = Array.from({ length: kernel[1] }, (_, at) => {
    const from = before[1] - at * dilation[1]
    const pads = [0, 0, -from * block, 0, 0, (from + W - wide) * block]
    const moved = pads.some((n) => n !== 0) ? onnx.node('Pad', [rows, onnx.ints(pads), onnx.scalar(0)]) : rows
    const each = onnx.node('Conv', [read, seen(moved, [B * O, block, high * row, 1])], window, blockDomain)
    return onnx.node('ReduceSum', [seen(each, [B, O * kernel[0] * C]), onnx.ints([0])], { keepdims: 1 })
  })
  const shape = [kernel[1], O / block, kernel[0], C, block]
  const all = onnx.node('Concat', columns, { axis: 0 }) // [.., O · C · ..]
  const turning = { shape: [kernel[1], O * kernel[0] * C], seen: shape, perm: [1, 4, 3, 2, 0], as: [O, C, ...kernel] }
  return emitTranspose(all, turning, onnx)
}
