import { make, type Op, ShapeError, type Tensor } from '../graph/index.ts'
import { mul } from './arithmetic.ts'
import { expand, frontAxes, type ReduceAttrs, reduced, unreduced } from './reduce.ts'

const Mean: Op<ReduceAttrs> = {
  name: 'mean',
  shape([x], attrs) {
    if (x.dtype !== 'float32') throw new ShapeError('mean', 'x must be of type float32; use cast', { x, type: x.dtype })
    return reduced(x.shape, attrs)
  },
  grad: (dy, { inputs: [x], attrs }) => {
    const count = attrs.axes.reduce((n, axis) => n * x.shape[axis], 1)
    return [expand(mul(unreduced(dy, x, attrs), 1 / count), x.shape)]
  },
  lower: ({ attrs: { axes, keep } }, [x], onnx) => onnx.node('ReduceMean', [x, onnx.ints(axes)], { keepdims: +keep }),
}

/** Mean over some axes, or over all. */
export function mean(x: Tensor, axes?: readonly number[] | number, keep = false): Tensor {
  const attrs = { axes: frontAxes('mean', x, axes), keep }
  return attrs.axes.length === 0 ? x : make(Mean, [x], attrs)
}
