import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import { cumulative } from '../../test/normal-distribution.ts'
import type { Tensor } from '../graph/index.ts'
import { gelu, geluTanh, quickGelu, silu } from './activations.ts'

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))
const functions: { name: string; op: (x: Tensor) => Tensor; of: (x: number) => number }[] = [
  { name: 'silu', op: silu, of: (x) => x * sigmoid(x) },
  { name: 'gelu', op: gelu, of: (x) => x * cumulative(x) },
  {
    name: 'geluTanh',
    op: geluTanh,
    of: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  },
  { name: 'quickGelu', op: quickGelu, of: (x) => x * sigmoid(1.702 * x) },
]

for (const { name, op, of } of functions)
  test(`${name} equals its formula from −4 to 4, and so does its slope`, () =>
    checkOp(op, [{ shape: [4, 8], draw: (u) => 4 * u }], (x) => x.map(of)))
