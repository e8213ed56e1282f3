import { type Emitter, type Shape, size, type Value } from '../graph/index.ts'
import { type Geometry, windowAttributes } from './conv-geometry.ts'
import { emitTranspose } from './movement.ts'

// The engine's convolutions over blocks of channels (NCHWc): it uses them by itself where weights are constants; where
// they are inputs, as in training, it must be asked, and the weights are put in order on the way.

const domain = 'com.microsoft.nchwc'

/** Up to `alwaysChannels` the faster products pay for the two orders, up to `mostChannels` from `leastPlaces` on. Measured: docs/engine-notes.md. */
const [alwaysChannels, mostChannels, leastPlaces] = [128, 256, 256]

/** Whether a convolution of x [B, C, H, W] with w [O, C, ...] is written with blocks of channels. */
export function isBlocked(x: Shape, w: Shape, { groups }: { groups: number }, { channelBlock }: Emitter): boolean {
  const [, C, ...spatial] = x
  return (
    channelBlock !== undefined &&
    groups === 1 &&
    spatial.length === 2 &&
    size(w.slice(2)) > 1 &&
    [C, w[0]].every((n) => n % channelBlock === 0 && n <= mostChannels) &&
    (Math.max(C, w[0]) <= alwaysChannels || size(spatial) >= leastPlaces)
  )
}

/** Inputs are x, w and perhaps a bias, in their plain order; so is the result. */
export function blockedConv([x, w, ...bias]: readonly Value[], shape: Shape, geometry: Geometry, onnx: Emitter): Value {
  const block = onnx.channelBlock!
  const [O, C, ...kernel] = shape
  const parts = [O / block, block, C / block, block, size(kernel)]
  // [O, C, taps] → [O / block, C / block, taps, block of C, block of O]
  const weights = emitTranspose(w, { shape, seen: parts, perm: [0, 2, 4, 3, 1], as: shape }, onnx)
  const blocks = onnx.node('ReorderInput', [x], {}, domain)
  const window = { ...windowAttributes(kernel, geometry), group: 1 }
  const y = onnx.node('Conv', [blocks, weights, ...bias], window, domain)
  return onnx.node('ReorderOutput', [y], { channels: O }, domain)
}
