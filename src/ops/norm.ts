import { makeAll, type Op, ShapeError, type Tensor } from '../graph/index.ts'
import { add, mul, sub } from './arithmetic.ts'
import { mean } from './mean.ts'
import { reshape } from './movement.ts'
import { sumTo } from './reduce.ts'

const ones = (n: number) => new Float32Array(n).fill(1)

/** dx = r (g − mean g − n mean(g n)), the backward pass of a layer norm before its gain. */
function normBackward(g: Tensor, n: Tensor, rstd: Tensor): Tensor {
  const centred = sub(g, mean(g, -1, true))
  return mul(sub(centred, mul(n, mean(mul(g, n), -1, true))), rstd)
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
  grad(dy, { inputs: [x, gain, bias], outputs: [y, mu, rstd] }) {
    if (!gain) return [normBackward(dy, y, rstd)]
    const n = mul(sub(x, mu), rstd)
    return [normBackward(mul(dy, gain), n, rstd), sumTo(mul(dy, n), gain.shape), bias && sumTo(dy, bias.shape)]
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
  // With n = x r: dx = r (g − n mean(g n))
  grad(dy, { inputs: [x, gain], outputs: [y, rstd] }) {
    const n = gain ? mul(x, rstd) : y
    const g = gain ? mul(dy, gain) : dy
    const dx = mul(sub(g, mul(n, mean(mul(g, n), -1, true))), rstd)
    return [dx, gain && sumTo(mul(dy, n), gain.shape)]
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

/** Group normalisation (Wu & He 2018) of x [B, C, ...]: each group of channels of each sample is one row of a layer norm. */
export function groupNorm(x: Tensor, groups: number, { gain, bias, eps = 1e-5 }: NormOptions = {}): Tensor {
  const [B, C] = x.shape
  if (C % groups !== 0) throw new ShapeError('groupNorm', 'groups must divide the channels', { x, groups })
  for (const [name, p] of Object.entries({ gain, bias }))
    if (p && (p.shape.length !== 1 || p.shape[0] !== C))
      throw new ShapeError('groupNorm', `the ${name} must hold one number per channel`, { x, [name]: p })
  const rows = reshape(x, [B * groups, -1]) // [B·G, C/G · ...]
  let y = reshape(layerNorm(rows, { eps }), x.shape)
  if (gain) y = mul(y, perChannel(gain, x))
  return bias ? add(y, perChannel(bias, x)) : y
}

/** Instance normalisation (Ulyanov et al. 2016) of x [B, C, ...]: each channel of each sample by itself. */
export const instanceNorm = (x: Tensor, options: NormOptions = {}): Tensor => groupNorm(x, x.shape[1], options)
