import { make, type Op, sameShape, type Tensor } from '../graph/index.ts'
import { liftPair, type Operand, pairShape } from './operand.ts'
import { beforeExpand, sumTo } from './reduce.ts'

const binary = (name: string, type: string, gradient: Op['grad']): Op => ({
  name,
  shape: ([a, b]) => pairShape(name, a, b),
  grad: gradient,
  lower: (_, inputs, onnx) => onnx.node(type, inputs),
})

/** An operand that was repeated to the shape of the other is read as it was before: the op broadcasts by itself. */
function apply(op: Op, left: Operand, right: Operand): Tensor {
  const [a, b] = liftPair(op.name, left, right)
  if (!sameShape(a.shape, b.shape)) return make(op, [a, b], undefined)
  const x = beforeExpand(a)
  return make(op, x === a ? [a, beforeExpand(b)] : [x, b], undefined)
}

const Add = binary('add', 'Add', (dy, { inputs: [a, b] }) => [sumTo(dy, a.shape), sumTo(dy, b.shape)])
const Sub = binary('sub', 'Sub', (dy, { inputs: [a, b] }) => [sumTo(dy, a.shape), neg(sumTo(dy, b.shape))])
const Mul = binary('mul', 'Mul', (dy, { inputs: [a, b] }) =>
  a === b ? [mul(mul(dy, 2), a)] : [sumTo(mul(dy, b), a.shape), sumTo(mul(dy, a), b.shape)],
)
const Div = binary('div', 'Div', (dy, { inputs: [a, b], outputs: [y] }) => {
  const da = div(dy, b)
  return [sumTo(da, a.shape), neg(sumTo(mul(da, y), b.shape))]
})

/** a + b, with broadcasting. */
export const add = (a: Operand, b: Operand): Tensor => {
  if (b === 0 && typeof a !== 'number') return a
  return apply(Add, a, b)
}

/** a − b, with broadcasting. */
export const sub = (a: Operand, b: Operand): Tensor => apply(Sub, a, b)

/** a · b by element, with broadcasting. */
export const mul = (a: Operand, b: Operand): Tensor => {
  if (b === 1 && typeof a !== 'number') return a
  return apply(Mul, a, b)
}

/** a / b by element, with broadcasting. */
export const div = (a: Operand, b: Operand): Tensor =>
  typeof b === 'number' && typeof a !== 'number' && a.dtype === 'float32' ? mul(a, 1 / b) : apply(Div, a, b)

const Neg: Op = {
  name: 'neg',
  shape: ([x]) => x.shape,
  grad: (dy) => [neg(dy)],
  lower: (_, inputs, onnx) => onnx.node('Neg', inputs),
}

/** −x */
export const neg = (x: Tensor): Tensor => make(Neg, [x], undefined)

/** Σ of tensors of one shape. */
export const addAll = (xs: readonly Tensor[]): Tensor => xs.reduce((a, b) => add(a, b))
