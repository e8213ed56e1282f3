import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import type { Tensor } from '../graph/index.ts'
import {
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

/** erf by its Maclaurin series, exact to 1e-12 for |x| ≤ 3. */
function erfSeries(x: number): number {
  let [term, sum] = [x, x]
  for (let n = 1; n < 80; n++) {
    term *= (-x * x) / n
    sum += term / (2 * n + 1)
  }
  return (2 / Math.sqrt(Math.PI)) * sum
}

const wide = (u: number) => 3 * u
const positive = (u: number) => 1.75 + 1.25 * u // 0.5 to 3
const awayFrom0 = (u: number) => (u < 0 ? u - 0.25 : u + 0.25)

const functions: { name: string; op: (x: Tensor) => Tensor; of: (x: number) => number; draw: (u: number) => number }[] =
  [
    { name: 'exp', op: exp, of: Math.exp, draw: wide },
    { name: 'log', op: log, of: Math.log, draw: positive },
    { name: 'sqrt', op: sqrt, of: Math.sqrt, draw: positive },
    { name: 'reciprocal', op: reciprocal, of: (x) => 1 / x, draw: positive },
    { name: 'rsqrt', op: rsqrt, of: (x) => 1 / Math.sqrt(x), draw: positive },
    { name: 'tanh', op: tanh, of: Math.tanh, draw: wide },
    { name: 'sigmoid', op: sigmoid, of: (x) => 1 / (1 + Math.exp(-x)), draw: wide },
    { name: 'erf', op: erf, of: erfSeries, draw: wide },
    { name: 'softplus', op: softplus, of: (x) => Math.log1p(Math.exp(x)), draw: wide },
    { name: 'square', op: square, of: (x) => x * x, draw: wide },
    { name: 'abs', op: abs, of: Math.abs, draw: awayFrom0 },
    { name: 'relu', op: relu, of: (x) => Math.max(x, 0), draw: awayFrom0 },
    { name: 'leakyRelu', op: leakyRelu, of: (x) => (x > 0 ? x : 0.2 * x), draw: awayFrom0 },
    // The numbers lie in −0.4 to 0.4, −1.5 to −1.1 or 1.1 to 1.5, so that no step crosses −1 or 1.
    { name: 'clip', op: (x) => clip(x, -1, 1), of: (x) => Math.min(Math.max(x, -1), 1), draw: thirds },
  ]

function thirds(u: number): number {
  if (u < -1 / 3) return u * 0.6 - 0.9
  return u > 1 / 3 ? u * 0.6 + 0.9 : u * 1.2
}

for (const { name, op, of, draw } of functions)
  test(`${name} works on each element, with its slope`, () => checkOp(op, [{ shape: [3, 8], draw }], (x) => x.map(of)))

test('leakyRelu takes a slope', () =>
  checkOp(
    (x) => leakyRelu(x, 0.01),
    [{ shape: [12], draw: awayFrom0 }],
    (x) => x.map((v) => (v > 0 ? v : 0.01 * v)),
  ))
