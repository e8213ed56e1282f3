import type { Emitter, Shape, Value } from '../graph/index.ts'

/** Domain of the engine's ops over blocks of channels (NCHWc). */
export const blockDomain = 'com.microsoft.nchwc'

/**
 * A value, seen as [B, C, ...], in blocks of channels: → [B, C / block, ..., block]. With `channelsLast` it is seen as
 * [B, ..., C]. Ordered once, however many read it.
 *
 * The engine gives all values of one shape the same few buffers and keeps these from the first use to the last. It is
 * not told the shape of this one, so that its buffer is free again after its last reader. Measured: docs/engine-notes.md.
 */
export function inBlocks(x: Value, shape: Shape, onnx: Emitter, { channelsLast = false } = {}): Value {
  const untold = onnx.nodeOnce('Identity', [onnx.ints(shape)])
  const seen = onnx.nodeOnce('Reshape', [x, untold])
  return onnx.nodeOnce('ReorderInput', [seen], channelsLast ? { channels_last: 1 } : {}, blockDomain)
}
