import { constant, makeAll, type Op, ShapeError, size, type Tensor } from '../graph/index.ts'
import { mul, neg, sub } from './arithmetic.ts'
import { fixedBatchNorm } from './batch-norm.ts'
import { reshape } from './movement.ts'
import type { NormOptions } from './norm.ts'
import { expand, sum } from './reduce.ts'

interface GroupNormAttrs {
  readonly groups: number // G
  readonly eps: number
}

/** Inputs: x, gain, bias. Outputs: y, the normalised x (n), and 1 / √(variance + eps) of each group (r) [B·G, 1]. */
const GroupNorm: Op<GroupNormAttrs> = {
  name: 'groupNorm',
  shape: ([x], { groups }) => [x.shape, x.shape, [x.shape[0] * groups, 1]],
  /**
   * With g = dy gain and means over a group: dx = r (g − mean g − n mean(g n)). All sums are taken of dy and dy n over
   * the places of a channel first; what is left are a few numbers per channel, so x is passed over as seldom as can be.
   */
  grad(dy, { inputs: [x, gain, bias], outputs: [, n, r], attrs: { groups: G } }) {
    const [B, C] = x.shape
    const perChannel = (t: Tensor) => sum(reshape(t, [B, C, -1]), 2) // [B, C]
    const [plain, along] = [perChannel(dy), perChannel(mul(dy, n))]
    const average = (t: Tensor) => {
      const total = sum(reshape(gain ? mul(t, gain) : t, [B * G, C / G]), 1, true)
      return mul(total, (B * G) / size(x.shape)) // [B·G, 1]
    }
    const slope = mul(reshape(r, [B, G, 1]), gain ? reshape(gain, [G, C / G]) : 1) // [B, G, C / G or 1]
    const shift = expand(reshape(mul(average(plain), neg(r)), [B, G, 1]), slope.shape)
    const count = size(slope.shape)
    const moved = affine(reshape(dy, [1, count, -1]), reshape(slope, [count]), reshape(shift, [count]))
    const drift = mul(reshape(n, [B * G, -1]), mul(average(along), r))
    const dx = sub(reshape(moved, [B * G, -1]), drift)
    return [reshape(dx, x.shape), ...(gain ? [sum(along, 0)] : []), ...(bias ? [sum(plain, 0)] : [])]
  },
  lower({ inputs: [x], attrs: { groups, eps } }, [value, ...scales], onnx) {
    const [B, C, ...spatial] = x.shape
    const width = size(x.shape) / (B * groups)
    const rows = onnx.node('Reshape', [value, onnx.ints([B * groups, width])])
    const ones = onnx.array(new Float32Array(width).fill(1), [width])
    const outputs = onnx.nodes('LayerNormalization', [rows, ones], 3, { axis: -1, epsilon: { float: eps } })
    const n = onnx.node('Reshape', [outputs[0], onnx.ints(x.shape)])
    const [gain, bias] = scales
    if (!gain) return [n, n, outputs[2]]
    const column = onnx.ints([C, ...spatial.map(() => 1)])
    if (!bias) return [onnx.node('Mul', [n, onnx.node('Reshape', [gain, column])]), n, outputs[2]]
    const [zero, one] = [0, 1].map((value) => onnx.array(new Float32Array(C).fill(value), [C]))
    return [onnx.node('BatchNormalization', [n, gain, bias, zero, one], { epsilon: { float: 0 } }), n, outputs[2]]
  },
}

/** x [B, C, ...] · gain [C] + bias [C] in one pass over memory: a batch norm of mean 0 and variance 1. */
function affine(x: Tensor, gain: Tensor, bias: Tensor): Tensor {
  const [mean, variance] = [0, 1].map((value) => constant(new Float32Array(x.shape[1]).fill(value), [x.shape[1]]))
  return fixedBatchNorm(x, { gain, bias, mean, variance, eps: 0 })
}

/** Group normalisation (Wu & He 2018) of x [B, C, ...]: each group of channels of each sample is one row of a layer norm. */
export function groupNorm(x: Tensor, groups: number, { gain, bias, eps = 1e-5 }: NormOptions = {}): Tensor {
  const C = x.shape[1]
  if (C % groups !== 0) throw new ShapeError('groupNorm', 'groups must divide the channels', { x, groups })
  for (const [name, p] of Object.entries({ gain, bias }))
    if (p && (p.shape.length !== 1 || p.shape[0] !== C))
      throw new ShapeError('groupNorm', `the ${name} must hold one number per channel`, { x, [name]: p })
  if (bias && !gain) throw new ShapeError('groupNorm', 'a bias needs a gain', { x, bias })
  return makeAll(GroupNorm, [x, ...(gain ? [gain] : []), ...(bias ? [bias] : [])], { groups, eps })[0]
}

/** Instance normalisation (Ulyanov et al. 2016) of x [B, C, ...]: each channel of each sample by itself. */
export const instanceNorm = (x: Tensor, options: NormOptions = {}): Tensor => groupNorm(x, x.shape[1], options)
