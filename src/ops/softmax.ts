import { make, type Op, type Tensor } from '../graph/index.ts'
import { mul, sub } from './arithmetic.ts'
import { exp } from './elementwise.ts'
import { sum } from './reduce.ts'

const Softmax: Op = {
  name: 'softmax',
  shape: ([x]) => x.shape,
  // With t = dy y: dx = t − y Σ t
  grad(dy, { outputs: [y] }) {
    const t = mul(dy, y)
    return [sub(t, mul(y, sum(t, -1, true)))]
  },
  lower: (_, inputs, onnx) => onnx.node('Softmax', inputs, { axis: -1 }),
}

/** eˣ / Σ eˣ over the last axis. */
export const softmax = (x: Tensor): Tensor => make(Softmax, [x], undefined)

const LogSoftmax: Op = {
  name: 'logSoftmax',
  shape: ([x]) => x.shape,
  // dx = dy − softmax(x) Σ dy
  grad: (dy, { outputs: [y] }) => [sub(dy, mul(exp(y), sum(dy, -1, true)))],
  lower(_, [x], onnx) {
    if (onnx.target === 'cpu') return onnx.node('LogSoftmax', [x], { axis: -1 })
    const last = onnx.ints([-1])
    const shifted = onnx.node('Sub', [x, onnx.node('ReduceMax', [x, last], { keepdims: 1 })])
    const total = onnx.node('ReduceSum', [onnx.node('Exp', [shifted]), last], { keepdims: 1 })
    return onnx.node('Sub', [shifted, onnx.node('Log', [total])])
  },
}

/** x − ln Σ eˣ over the last axis. */
export const logSoftmax = (x: Tensor): Tensor => make(LogSoftmax, [x], undefined)
