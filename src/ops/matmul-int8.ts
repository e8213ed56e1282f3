import type { Emitter, Shape, Value } from '../graph/index.ts'

interface Weights {
  readonly weights: Float32Array
  readonly shape: Shape // [K, N], or [N, K] where transposed
  readonly transposeB: boolean
}

/**
 * Largest whole number of a weight. Processors without 8-bit dot products (AVX2 without VNNI) add two products of 16 bits
 * before they widen: 2 · 255 · 64 still fits into 32,767, and so all processors give one answer.
 */
const most = 64

/**
 * x [..., K] · w [K, N] + bias [N] with w in whole numbers up to `most` and one scale a column, and x in 8 bits with a
 * scale that each run takes from the numbers it meets (Dettmers et al. 2022, section 2, without the outliers' part).
 */
export function int8Product(
  [x, bias]: readonly Value[],
  { weights, shape, transposeB }: Weights,
  onnx: Emitter,
): Value {
  const [K, N] = transposeB ? [shape[1], shape[0]] : shape
  const at = transposeB ? (k: number, n: number) => weights[n * K + k] : (k: number, n: number) => weights[k * N + n]
  const scales = new Float32Array(N)
  const rounded = new Int8Array(K * N)
  for (let n = 0; n < N; n++) {
    let largest = 0
    for (let k = 0; k < K; k++) largest = Math.max(largest, Math.abs(at(k, n)))
    scales[n] = largest / most || 1 // a column of zeros stays one
    for (let k = 0; k < K; k++) rounded[k * N + n] = Math.round(at(k, n) / scales[n])
  }
  const factors = [x, onnx.array(rounded, [K, N]), onnx.array(scales, [N]), ...(bias === undefined ? [] : ['', bias])]
  return onnx.node('DynamicQuantizeMatMul', factors, {}, 'com.microsoft')
}
