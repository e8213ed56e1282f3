import { make, type Op, type Tensor } from '../graph/index.ts'
import { frontAxes } from './reduce.ts'

const Flip: Op<{ axes: readonly number[] }> = {
  name: 'flip',
  shape: ([x]) => x.shape,
  grad: (dy, { attrs: { axes } }) => [flip(dy, axes)],
  lower({ inputs: [{ shape }], attrs: { axes } }, [x], onnx) {
    const all = (value: (axis: number) => number) => onnx.ints(axes.map(value))
    // From the last element down to the one before the first, which counts from the end as −n − 1.
    const first = all((axis) => shape[axis] - 1)
    const last = all((axis) => -shape[axis] - 1)
    return onnx.node('Slice', [x, first, last, onnx.ints(axes), all(() => -1)])
  },
}

/** x with the order of its elements reversed along some axes. */
export function flip(x: Tensor, axes: readonly number[] | number): Tensor {
  const turned = frontAxes('flip', x, axes).filter((axis) => x.shape[axis] > 1)
  return turned.length === 0 ? x : make(Flip, [x], { axes: turned })
}
