import { makeAll, type Op, ShapeError, size, type Tensor } from '../graph/index.ts'
import { add, mul, sub } from './arithmetic.ts'
import { reshape } from './movement.ts'
import type { NormOptions } from './norm.ts'
import { sum } from './reduce.ts'

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
   * the places of a channel first; what is left are numbers per channel, so x is passed over as seldom as can be.
   */
  grad(dy, { inputs: [x, gain, bias], outputs: [, n, r], attrs: { groups: G } }) {
    const [B, C] = x.shape
    const perPlace = (t: Tensor) => sum(reshape(t, [B, C, -1]), 2) // [B, C]
    const plain = perPlace(dy)
    const along = perPlace(mul(dy, n))
    const grouped = (t: Tensor) => reshape(t, [B * G, C / G])
    const average = (t: Tensor) => mul(sum(grouped(gain ? mul(t, gain) : t), 1, true), (B * G) / size(x.shape)) // [B·G, 1]
    const slope = grouped(gain ? mul(grouped(repeated(r, C / G)), grouped(repeated(gain, B))) : repeated(r, C / G))
    const rows = reshape(mul(reshape(dy, [B * C, -1]), reshape(slope, [B * C, 1])), [B * G, -1])
    const drift = add(mul(reshape(n, [B * G, -1]), mul(average(along), r)), mul(average(plain), r))
    return [reshape(sub(rows, drift), x.shape), gain && sum(along, 0), bias && sum(plain, 0)]
  },
  lower({ inputs: [x, gain, bias], attrs: { groups, eps } }, [value, ...scales], onnx) {
    return []
  },
}
