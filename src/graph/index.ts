export { ShapeError } from './errors.ts'
export type { Attribute, Emitter, Op, Value } from './op.ts'
export { broadcastShapes, type Shape, sameShape, size, strides } from './shape.ts'
export {
  backwardMark,
  constant,
  type DType,
  Input,
  type InputAttrs,
  input,
  make,
  makeAll,
  type Node,
  scalar,
  scalarValue,
  type Tensor,
  withBlock,
  withScope,
  withSecondRun,
} from './tensor.ts'
export { nodesOf } from './walk.ts'
