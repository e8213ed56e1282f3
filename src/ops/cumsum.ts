import { make, type Op, type Tensor } from '../graph/index.ts'
import { frontAxes } from './reduce.ts'

interface CumSumAttrs {
  readonly axis: number
  readonly reverse: boolean
}

const CumSum: Op<CumSumAttrs> = {
  name: 'cumsum',
  shape: ([x]) => x.shape,
  grad: (dy, { attrs: { axis, reverse } }) => [make(CumSum, [dy], { axis, reverse: !reverse })],
  lower: ({ attrs: { axis, reverse } }, [x], onnx) =>
    onnx.node('CumSum', [x, onnx.scalar(axis, 'int32')], { reverse: +reverse }),
}

/** Sums along an axis: element i is the sum of the elements up to i; with `reverse`, of those from i on. */
export const cumsum = (x: Tensor, axis = -1, { reverse = false } = {}): Tensor =>
  make(CumSum, [x], { axis: frontAxes('cumsum', x, axis)[0], reverse })
