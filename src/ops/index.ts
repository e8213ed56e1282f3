export { gelu, geluTanh, quickGelu, silu } from './activations.ts'
export { add, addAll, div, mul, neg, type Operand, sub } from './arithmetic.ts'
export {
  abs,
  clip,
  cos,
  erf,
  exp,
  leakyRelu,
  log,
  reciprocal,
  relu,
  rsqrt,
  sigmoid,
  sin,
  softplus,
  sqrt,
  square,
  tanh,
} from './elementwise.ts'
export { batchedMatmul, gemm, matmul } from './matmul.ts'
export { mean } from './mean.ts'
export { chunk, concat, pad, reshape, slice, split, transpose } from './movement.ts'
export { groupNorm, layerNorm, type NormOptions, perChannel, rmsNorm } from './norm.ts'
export { rearrange } from './rearrange.ts'
export { expand, max, sum, sumTo } from './reduce.ts'
export { logSoftmax, softmax } from './softmax.ts'
