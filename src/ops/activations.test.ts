import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import type { Tensor } from '../graph/index.ts'
import { gelu, geluTanh, quickGelu, silu } from './activations.ts'

/** The normal distribution function, by Simpson's rule from 0. */
function cumulative(x: number): number {
  const density = (t: number) => Math.exp(-t * t * 0.5) / Math.sqrt(2 * Math.PI)
  const steps = 200
  let sum = density(0) + density(x)
  for (let i = 1; i < steps; i++) sum += density((i * x) / steps) * (i % 2 === 1 ? 4 : 2)
  return 0.5 + (sum * x) / steps / 3
}

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
