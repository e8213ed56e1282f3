export { emit, emitAll } from './emit.ts'
export { ShapeError } from './errors.ts'
export type { Attribute, DType, Emitter, Node, Op, Tensor, Value } from './op.ts'
export { broadcastShapes, type Shape, sameShape, size, strides } from './shape.ts'
export {
  backwardMark,
  constant,
  Input,
  type InputAttrs,
  input,
  make,
  makeAll,
  scalar,
  scalarValue,
  withBlock,
  withScope,
  withSecondRun,
} from './tensor.ts'
export { nodesOf } from './walk.ts'
