import { makeAll, type Op, ShapeError, type Tensor } from '../graph/index.ts'
import { mul, sub } from './arithmetic.ts'
import { matmul } from './matmul.ts'
import { mean } from './mean.ts'
import { reshape } from './movement.ts'
import { sumTo } from './reduce.ts'

const ones = (n: number) => new Float32Array(n).fill(1)

/** Weighted sum of each row, a product that reads x once: x [..., D], weights [D] → [..., 1]. */
const weighted = (x: Tensor, weights: Tensor): Tensor => {
  const D = x.shape.at(-1)!
  return reshape(matmul(reshape(x, [-1, D]), reshape(weights, [D, 1])), [...x.shape.slice(0, -1), 1])
}

const LayerNorm: Op<{ eps: number }> = {
  name: 'layerNorm',
  shape([x, gain, bias]) {
    const width = x.shape.at(-1)
    for (const [name, p] of Object.entries({ gain, bias }))
      if (p && (p.shape.length !== 1 || p.shape[0] !== width))
        throw new ShapeError('layerNorm', `the ${name} must fit the last axis of x`, { x, [name]: p })
    const rows = [...x.shape.slice(0, -1), 1]
    return [x.shape, rows, rows]
  },
  // With n = (x − mean) r and g = dy gain: dx = r (g − mean g − n mean(g n)).
  grad(dy, { inputs: [x, gain, bias], outputs: [y, mu, rstd] }) {
    if (!gain) {
      const centred = sub(dy, mean(dy, -1, true))
      return [mul(sub(centred, mul(y, mean(mul(dy, y), -1, true))), rstd)]
    }
    const n = mul(sub(x, mu), rstd)
    const slope = mul(dy, n) // for the gain, and with it for mean(g n)
    const share = mul(gain, 1 / gain.shape[0])
    const centred = sub(mul(dy, gain), weighted(dy, share))
    const dx = mul(sub(centred, mul(n, weighted(slope, share))), rstd)
    return [dx, sumTo(slope, gain.shape), bias && sumTo(dy, bias.shape)]
  },
  lower({ inputs: [x], attrs: { eps } }, [value, gain, bias], onnx) {
    const width = x.shape.at(-1)!
    const inputs = [value, gain ?? onnx.array(ones(width), [width]), ...(bias ? [bias] : [])]
    return onnx.nodes('LayerNormalization', inputs, 3, { axis: -1, epsilon: { float: eps } })
  },
}

/** Settings of a normalisation. */
export interface NormOptions {
  readonly gain?: Tensor // γ, one number per column
  readonly bias?: Tensor // β, one number per column
  readonly eps?: number
}

/** Layer normalisation over the last axis (Ba et al. 2016): (x − mean) / √(variance + eps) · gain + bias. */
export function layerNorm(x: Tensor, { gain, bias, eps = 1e-5 }: NormOptions = {}): Tensor {
  if (bias && !gain) throw new ShapeError('layerNorm', 'a bias needs a gain', { x, bias })
  return makeAll(LayerNorm, [x, ...(gain ? [gain] : []), ...(bias ? [bias] : [])], { eps })[0]
}

const RmsNorm: Op<{ eps: number }> = {
  name: 'rmsNorm',
  shape([x, gain]) {
    if (gain && (gain.shape.length !== 1 || gain.shape[0] !== x.shape.at(-1)))
      throw new ShapeError('rmsNorm', 'the gain must fit the last axis of x', { x, gain })
    return [x.shape, [...x.shape.slice(0, -1), 1]]
  },
  // With n = x r and g = dy gain: dx = r (g − n mean(g n)) = r (g − x r² mean(g x)), so n itself is not needed.
  grad(dy, { inputs: [x, gain], outputs: [y, rstd] }) {
    if (!gain) return [mul(sub(dy, mul(y, mean(mul(dy, y), -1, true))), rstd)]
    const [D] = gain.shape
    const slope = mul(dy, x)
    const along = mul(mul(rstd, rstd), weighted(slope, mul(gain, 1 / D)))
    const dx = mul(sub(mul(dy, gain), mul(x, along)), rstd)
    return [dx, reshape(matmul(reshape(rstd, [1, -1]), reshape(slope, [-1, D])), [D])]
  },
  lower({ inputs: [x], attrs: { eps } }, [value, gain], onnx) {
    const width = x.shape.at(-1)!
    const weight = gain ?? onnx.array(ones(width), [width])
    const attributes = { axis: -1, epsilon: { float: eps }, stash_type: 1 }
    if (onnx.target === 'cpu') return onnx.nodes('SimplifiedLayerNormalization', [value, weight], 2, attributes)
    // WebGPU leaves the second output unwritten (1.30).
    const squares = onnx.node('Mul', [value, value])
    const mean = onnx.node('ReduceMean', [squares, onnx.ints([-1])], { keepdims: 1 })
    const root = onnx.node('Sqrt', [onnx.node('Add', [mean, onnx.scalar(eps)])])
    const y = onnx.node('SimplifiedLayerNormalization', [value, weight], attributes)
    return [y, onnx.node('Reciprocal', [root])]
  },
}

/** Root-mean-square normalisation over the last axis (Zhang & Sennrich 2019): x / √(mean x² + eps) · gain. */
export const rmsNorm = (x: Tensor, { gain, eps = 1e-6 }: Omit<NormOptions, 'bias'> = {}): Tensor =>
  makeAll(RmsNorm, gain ? [x, gain] : [x], { eps })[0]

/** One number per channel of x [B, C, ...], shaped so that it broadcasts. */
export const perChannel = (p: Tensor, x: Tensor): Tensor => reshape(p, [p.shape[0], ...x.shape.slice(2).map(() => 1)])
