import { broadcastShapes, type DType, make, type Op, ShapeError, type Tensor } from '../graph/index.ts'
import { liftPair, type Operand, pairShape } from './operand.ts'
import { sumTo } from './reduce.ts'

/** An op of two tensors whose answer is yes or no for each element; it has no slope, so no gradient passes it. */
const comparison = (name: string, type: string): Op => ({
  name,
  shape([a, b]) {
    if (a.dtype === 'bool') throw new ShapeError(name, 'a and b must hold numbers', { a: a.dtype, b: b.dtype })
    return pairShape(name, a, b)
  },
  dtype: () => 'bool',
  grad: () => [undefined, undefined],
  lower: (_, inputs, onnx) => onnx.node(type, inputs),
})

const Equal = comparison('equal', 'Equal')
const Greater = comparison('greater', 'Greater')
const GreaterOrEqual = comparison('greaterOrEqual', 'GreaterOrEqual')
const Less = comparison('less', 'Less')
const LessOrEqual = comparison('lessOrEqual', 'LessOrEqual')

const compare = (op: Op) => (a: Operand, b: Operand) => make(op, liftPair(op.name, a, b), undefined)

/** a = b, with broadcasting; the result is of type bool, as with all comparisons. */
export const equal: (a: Operand, b: Operand) => Tensor = compare(Equal)
/** a > b, with broadcasting. */
export const greater: (a: Operand, b: Operand) => Tensor = compare(Greater)
/** a ≥ b, with broadcasting. */
export const greaterOrEqual: (a: Operand, b: Operand) => Tensor = compare(GreaterOrEqual)
/** a < b, with broadcasting. */
export const less: (a: Operand, b: Operand) => Tensor = compare(Less)
/** a ≤ b, with broadcasting. */
export const lessOrEqual: (a: Operand, b: Operand) => Tensor = compare(LessOrEqual)

const logical = (name: string, lower: Op['lower']): Op => ({
  name,
  shape([a, b]) {
    if (a.dtype !== 'bool') throw new ShapeError(name, 'a and b must be of type bool', { a: a.dtype, b: b.dtype })
    return pairShape(name, a, b)
  },
  grad: () => [undefined, undefined],
  lower,
})

const And = logical('and', (_, inputs, onnx) => onnx.node('And', inputs))
// WebGPU has no Or: there it is "a where a, else b".
const Or = logical('or', (_, [a, b], onnx) =>
  onnx.target === 'cpu' ? onnx.node('Or', [a, b]) : onnx.node('Where', [a, a, b]),
)

const Not: Op = {
  name: 'not',
  shape([a]) {
    if (a.dtype !== 'bool') throw new ShapeError('not', 'a must be of type bool', { a: a.dtype })
    return a.shape
  },
  grad: () => [undefined],
  lower: (_, inputs, onnx) => onnx.node('Not', inputs),
}

/** Whether both are true, with broadcasting. */
export const and = (a: Tensor, b: Tensor): Tensor => make(And, [a, b], undefined)
/** Whether one of both is true, with broadcasting. */
export const or = (a: Tensor, b: Tensor): Tensor => make(Or, [a, b], undefined)
/** Whether a is false. */
export const not = (a: Tensor): Tensor => make(Not, [a], undefined)
/** a ≠ b, with broadcasting. */
export const notEqual = (a: Operand, b: Operand): Tensor => not(equal(a, b))

const Where: Op = {
  name: 'where',
  shape([condition, a, b]) {
    if (condition.dtype !== 'bool')
      throw new ShapeError('where', 'the condition must be of type bool', { condition: condition.dtype })
    const shape = broadcastShapes(condition.shape, pairShape('where', a, b))
    if (!shape) throw new ShapeError('where', 'the shapes of condition, a and b must broadcast', { condition, a, b })
    return shape
  },
  dtype: ([, a]) => a.dtype,
  grad: (dy, { inputs: [condition, a, b] }) => [
    undefined,
    sumTo(where(condition, dy, 0), a.shape),
    sumTo(where(condition, 0, dy), b.shape),
  ],
  lower: (_, inputs, onnx) => onnx.node('Where', inputs),
}

/** a where the condition is true, b elsewhere, with broadcasting. */
export const where = (condition: Tensor, a: Operand, b: Operand): Tensor =>
  make(Where, [condition, ...liftPair('where', a, b)], undefined)

const elementTypes = { float32: 1, int32: 6, bool: 9 } as const // ONNX TensorProto.DataType

const Cast: Op<{ to: DType }> = {
  name: 'cast',
  shape: ([x]) => x.shape,
  dtype: (_, { to }) => to,
  grad: () => [undefined], // only numbers become another type, in steps, and steps have no slope
  lower: ({ attrs: { to } }, inputs, onnx) => onnx.node('Cast', inputs, { to: elementTypes[to] }),
}

/** The elements of x in another type: fractions are cut off towards zero, true is 1, and any number but 0 is true. */
export const cast = (x: Tensor, to: DType): Tensor => (x.dtype === to ? x : make(Cast, [x], { to }))
