import { make, type Op, type Tensor } from '../graph/index.ts'
import { frontAxes, reduced } from './reduce.ts'

const ArgMax: Op<{ axis: number }> = {
  name: 'argmax',
  shape: ([x], { axis }) => reduced(x.shape, { axes: [axis], keep: false }),
  dtype: () => 'int32',
  grad: () => [undefined],
  lower({ attrs: { axis } }, [x], onnx) {
    const places = onnx.node('ArgMax', [x], { axis, keepdims: 0 })
    return onnx.node('Cast', [places], { to: 6 })
  },
}

/** Where the largest element along an axis stands, the first one of equals: int32, without that axis. */
export const argmax = (x: Tensor, axis = -1): Tensor => make(ArgMax, [x], { axis: frontAxes('argmax', x, axis)[0] })
