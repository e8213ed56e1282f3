import { broadcastShapes, type Shape, ShapeError, scalar, type Tensor } from '../graph/index.ts'

/** A tensor, or a number that stands for a tensor without axes. */
export type Operand = Tensor | number

/** The operand as a tensor; a number takes the type of the operand beside it. */
export function lift(x: Operand, beside: Operand): Tensor {
  if (typeof x !== 'number') return x
  return scalar(x, typeof beside !== 'number' && beside.dtype === 'int32' ? 'int32' : 'float32')
}

/** Shape of an op that works on pairs of elements of one type, with broadcasting. */
export function pairShape(op: string, a: Tensor, b: Tensor): Shape {
  if (a.dtype !== b.dtype) throw new ShapeError(op, 'a and b must have one type', { a: a.dtype, b: b.dtype })
  const shape = broadcastShapes(a.shape, b.shape)
  if (!shape) throw new ShapeError(op, 'the shapes of a and b must broadcast', { a, b })
  return shape
}
