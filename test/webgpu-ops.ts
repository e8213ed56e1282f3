import assert from 'node:assert/strict'
import onnxProto from 'onnx-proto'
import type { Tensor } from '../src/graph/index.ts'
import { toOnnx } from '../src/onnx/index.ts'

/** ONNX ops that ONNX Runtime 1.30 has no WebGPU kernel for, as tried one by one with fallback forbidden. */
const cpuOnly = new Set([
  'Attention',
  'Bernoulli',
  'Col2Im',
  'ConstantOfShape',
  'Dropout',
  'FusedMatMul',
  'GroupNormalization',
  'LogSoftmax',
  'Mean',
  'OneHot',
  'RandomNormal',
  'RandomNormalLike',
  'ReverseSequence',
  'Sign',
  'SoftmaxCrossEntropyLoss',
  'SpaceToDepth',
])

/** Fails where a graph, lowered for WebGPU, holds an op that would have to run on the CPU. Needs no GPU. */
export function assertNoCpuOp(outputs: Record<string, Tensor>): void {
  const { graph } = onnxProto.onnx.ModelProto.decode(toOnnx(outputs, { target: 'webgpu' }).bytes)
  for (const { name, opType, input, domain } of graph!.node!) {
    const adds = opType === 'Sum' && input!.length > 2
    const blocked = domain === 'com.microsoft.nchwc'
    assert.ok(!cpuOnly.has(opType!) && !adds && !blocked, `${name}: webgpu has no ${opType} of ${input!.length} inputs`)
  }
}
