import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
import { cumulative } from '../../test/normal-distribution.ts'
import { evaluate } from '../../test/on-node.ts'
import { input } from '../graph/index.ts'
import { type Activation, activation, activationNames } from './activation.ts'

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))
const gelu = (x: number) => x * cumulative(x)
const geluTanh = (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))

/** What transformers and diffusers mean by each name. */
const formulas: Record<Activation, (x: number) => number> = {
  gelu,
  gelu_fast: geluTanh,
  gelu_new: geluTanh,
  gelu_python: gelu,
  gelu_pytorch_tanh: geluTanh,
  hardswish: (x) => (x * Math.min(6, Math.max(0, x + 3))) / 6,
  linear: (x) => x,
  mish: (x) => x * Math.tanh(Math.log(1 + Math.exp(x))),
  quick_gelu: (x) => x * sigmoid(1.702 * x),
  relu: (x) => Math.max(0, x),
  relu6: (x) => Math.min(6, Math.max(0, x)),
  sigmoid,
  silu: (x) => x * sigmoid(x),
  swish: (x) => x * sigmoid(x),
  tanh: Math.tanh,
}

test('every activation equals its formula from −8 to 8', async () => {
  const x = input('x', [65])
  const numbers = Float32Array.from({ length: 65 }, (_, i) => i / 4 - 8)
  const outputs = Object.fromEntries(activationNames.map((name) => [name, activation(name)(x)]))
  const got = await evaluate(outputs, { x: numbers })
  for (const name of activationNames) assertClose(got[name], numbers.map(formulas[name]), 1e-6, name)
})
