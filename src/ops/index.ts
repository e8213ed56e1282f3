export { gelu, geluTanh, quickGelu, silu } from './activations.ts'
export { argmax } from './argmax.ts'
export { add, addAll, div, mul, neg, sub } from './arithmetic.ts'
export { type BatchNormed, batchNorm, type FixedNormOptions, fixedBatchNorm } from './batch-norm.ts'
export {
  and,
  cast,
  equal,
  greater,
  greaterOrEqual,
  less,
  lessOrEqual,
  not,
  notEqual,
  or,
  where,
} from './compare.ts'
export { type ConvOptions, type ConvTransposeOptions, conv, convTranspose } from './conv.ts'
export type { Padding, PerAxis } from './conv-geometry.ts'
export { type CrossEntropyOptions, crossEntropy } from './cross-entropy.ts'
export { cumsum } from './cumsum.ts'
export { detach } from './detach.ts'
export {
  abs,
  clip,
  erf,
  exp,
  leakyRelu,
  log,
  reciprocal,
  relu,
  rsqrt,
  sigmoid,
  softplus,
  sqrt,
  square,
  tanh,
} from './elementwise.ts'
export { flip } from './flip.ts'
export { gather, gatherElements, scatterAdd } from './gather.ts'
export { groupNorm, instanceNorm } from './group-norm.ts'
export { batchedMatmul, gemm, matmul } from './matmul.ts'
export { maximum, minimum } from './maximum.ts'
export { mean } from './mean.ts'
export { chunk, concat, pad, reshape, slice, split, transpose } from './movement.ts'
export { layerNorm, type NormOptions, perChannel, rmsNorm } from './norm.ts'
export type { Operand } from './operand.ts'
export { avgPool, maxPool, type PoolOptions } from './pool.ts'
export { rearrange } from './rearrange.ts'
export { expand, max, sum, sumTo } from './reduce.ts'
export { type ResizeOptions, resize } from './resize.ts'
export { type Angles, rotate } from './rotate.ts'
export { cos, sin } from './sine.ts'
export { logSoftmax, softmax } from './softmax.ts'
export { upsample } from './upsample.ts'
