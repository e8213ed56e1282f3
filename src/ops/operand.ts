import { broadcastShapes, type Shape, ShapeError, scalar, type Tensor } from '../graph/index.ts'

/** A tensor, or a number that stands for a tensor without axes. */
export type Operand = Tensor | number

/** The operands of an op as tensors; a number takes the type of the operand beside it. */
export const liftPair = (op: string, a: Operand, b: Operand): [Tensor, Tensor] => [lift(op, a, b), lift(op, b, a)]

function lift(op: string, x: Operand, beside: Operand): Tensor {
  if (typeof x !== 'number') return x
  const dtype = typeof beside !== 'number' && beside.dtype === 'int32' ? 'int32' : 'float32'
  if (dtype === 'int32' && (x | 0) !== x)
    throw new ShapeError(op, 'a number beside an int32 tensor must be one itself; use cast', { number: x, beside })
  return scalar(x, dtype)
}

/** Shape of an op that works on pairs of elements of one type, with broadcasting. */
export function pairShape(op: string, a: Tensor, b: Tensor): Shape {
  if (a.dtype !== b.dtype) throw new ShapeError(op, 'a and b must have one type', { a: a.dtype, b: b.dtype })
  const shape = broadcastShapes(a.shape, b.shape)
  if (!shape) throw new ShapeError(op, 'the shapes of a and b must broadcast', { a, b })
  return shape
}
