import { make, type Op, type Tensor } from '../graph/index.ts'
import { frontAxes, reduced } from './reduce.ts'

const ArgMax: Op<{ axis: number }> = {
  name: 'argmax',
  shape: ([x], { axis }) => reduced(x.shape, { axes: [axis], keep: false }),
  dtype: () => 'int32',
  grad: () => [undefined],
  lower({ inputs: [{ shape }], attrs: { axis } }, [x], onnx) {
    if (onnx.target === 'cpu') return onnx.node('Cast', [onnx.node('ArgMax', [x], { axis, keepdims: 0 })], { to: 6 })
    // The engine's ArgMax gives 64-bit numbers, which WebGPU cannot cast: the least index that holds the maximum.
    const largest = onnx.node('ReduceMax', [x, onnx.ints([axis])], { keepdims: 1 })
    const n = shape[axis]
    const order = shape.slice(axis).map((_, i) => (i === 0 ? n : 1))
    const index = onnx.array(
      Int32Array.from({ length: n }, (_, i) => i),
      order,
    )
    const holding = onnx.node('Where', [onnx.node('Equal', [x, largest]), index, onnx.scalar(n - 1, 'int32')])
    return onnx.node('ReduceMin', [holding, onnx.ints([axis])], { keepdims: 0 })
  },
}

/** Where the largest element along an axis stands, the first one of equals: int32, without that axis. */
export const argmax = (x: Tensor, axis = -1): Tensor => make(ArgMax, [x], { axis: frontAxes('argmax', x, axis)[0] })
