import { make, makeAll, type Op, ShapeError, size, type Tensor } from '../graph/index.ts'
import { add, mul, neg, sub } from './arithmetic.ts'
import { rsqrt, sqrt } from './elementwise.ts'
import { mean } from './mean.ts'
import { type NormOptions, perChannel } from './norm.ts'
import { expand, sum } from './reduce.ts'

/** All axes but that of the channels. */
const others = (x: Tensor): number[] => [...x.shape.keys()].filter((axis) => axis !== 1)

function checkChannels(x: Tensor, arrays: readonly (Tensor | undefined)[]) {
  if (x.shape.length < 2) throw new ShapeError('batchNorm', 'x must be [B, C, ...]', { x })
  for (const p of arrays)
    if (p && (p.shape.length !== 1 || p.shape[0] !== x.shape[1]))
      throw new ShapeError('batchNorm', 'each array must hold one number for each channel of x', { x, array: p })
}

/** Outputs: (x − mean) / √(variance + eps), mean [C], variance [C]. */
const BatchNorm: Op<{ eps: number }> = {
  name: 'batchNorm',
  shape([x]) {
    checkChannels(x, [])
    return [x.shape, [x.shape[1]], [x.shape[1]]]
  },
  // With n the normalised x, r = 1 / √(variance + eps) and means over the batch: dx = r (g − mean g − n mean(g n)).
  grad(_, { inputs: [x], outputs: [n, , variance], attrs: { eps } }, [g, dMean, dVariance]) {
    const axes = others(x)
    const share = x.shape[1] / size(x.shape)
    const spread = add(variance, eps)
    const parts: Tensor[] = []
    if (g) {
      const centred = sub(g, mean(g, axes, true))
      parts.push(mul(sub(centred, mul(n, mean(mul(g, n), axes, true))), perChannel(rsqrt(spread), x)))
    }
    if (dMean) parts.push(expand(perChannel(mul(dMean, share), x), x.shape))
    if (dVariance) parts.push(mul(n, perChannel(mul(mul(dVariance, sqrt(spread)), 2 * share), x)))
    return [parts.reduce((a, b) => add(a, b))]
  },
  lower({ inputs: [{ shape }], attrs: { eps } }, [x], onnx) {
    const axes = onnx.ints([...shape.keys()].filter((axis) => axis !== 1))
    const average = onnx.node('ReduceMean', [x, axes], { keepdims: 1 })
    const centred = onnx.node('Sub', [x, average])
    const variance = onnx.node('ReduceMean', [onnx.node('Mul', [centred, centred]), axes], { keepdims: 1 })
    const deviation = onnx.node('Sqrt', [onnx.node('Add', [variance, onnx.scalar(eps)])])
    const normal = onnx.node('Mul', [centred, onnx.node('Reciprocal', [deviation])])
    const channels = onnx.ints([shape[1]])
    return [normal, onnx.node('Reshape', [average, channels]), onnx.node('Reshape', [variance, channels])]
  },
}

/** What batch normalisation made of a batch, and the statistics that running ones follow. */
export interface BatchNormed {
  readonly y: Tensor
  readonly mean: Tensor // [C]
  readonly variance: Tensor // [C], divided by the number of elements
}

/**
 * Batch normalisation with the statistics of the batch, as in training (Ioffe & Szegedy 2015, algorithm 1): x [B, C, ...],
 * every channel to mean 0 and variance 1, then · gain + bias.
 */
export function batchNorm(x: Tensor, { gain, bias, eps = 1e-5 }: NormOptions = {}): BatchNormed {
  checkChannels(x, [gain, bias])
  const [normal, average, variance] = makeAll(BatchNorm, [x], { eps })
  const scaled = gain ? mul(normal, perChannel(gain, x)) : normal
  return { y: bias ? add(scaled, perChannel(bias, x)) : scaled, mean: average, variance }
}

/** Inputs: x, gain, bias, mean, variance. One node, so that the engine can fold it into a convolution before it. */
const FixedNorm: Op<{ eps: number }> = {
  name: 'fixedBatchNorm',
  shape([x, ...arrays]) {
    checkChannels(x, arrays)
    return x.shape
  },
  grad(dy, { inputs: [x, gain, , average, variance], attrs: { eps } }) {
    const rate = rsqrt(add(variance, eps))
    const axes = others(x)
    const dBias = sum(dy, axes)
    const dGain = mul(sub(sum(mul(dy, x), axes), mul(dBias, average)), rate)
    const slope = mul(gain, rate)
    const dVariance = mul(mul(mul(dGain, slope), rate), -0.5)
    return [mul(dy, perChannel(slope, x)), dGain, dBias, neg(mul(dBias, slope)), dVariance]
  },
  lower: ({ attrs: { eps } }, inputs, onnx) => onnx.node('BatchNormalization', inputs, { epsilon: { float: eps } }),
}

/** What batch normalisation needs outside of training. */
export interface FixedNormOptions {
  readonly gain: Tensor // [C], as the others
  readonly bias: Tensor
  readonly mean: Tensor
  readonly variance: Tensor
  readonly eps?: number
}

/** Batch normalisation with given statistics, as after training: (x − mean) / √(variance + eps) · gain + bias. */
export const fixedBatchNorm = (x: Tensor, options: FixedNormOptions): Tensor =>
  make(FixedNorm, [x, options.gain, options.bias, options.mean, options.variance], { eps: options.eps ?? 1e-5 })
