import assert from 'node:assert/strict'
import { test } from 'node:test'
import { make, type Op, type Tensor } from '../src/graph/index.ts'
import { mul } from '../src/ops/index.ts'
import { checkOp } from './check-op.ts'
import { drawn, generator, onGrid } from './draw.ts'
import { slopes } from './finite-differences.ts'

/** The square, whose gradient is too large by a factor. */
const squareWith = (factor: number): Op => ({
  name: 'square',
  shape: ([x]) => x.shape,
  grad: (dy, { inputs: [x] }) => [mul(dy, mul(x, 2 * factor))],
  lower: (_, [x], onnx) => onnx.node('Mul', [x, x]),
})
const squares = (x: Float32Array) => x.map((v) => v * v)
const of = (factor: number) => (x: Tensor) => make(squareWith(factor), [x], undefined)

test('checkOp accepts a right gradient, of few elements and of many', async () => {
  await checkOp(of(1), [[3]], squares)
  await checkOp(of(1), [[15, 10]], squares)
})

test('checkOp refuses a gradient that is 1 % too large, of few elements and of many', async () => {
  for (const shape of [[6], [15, 10]])
    await assert.rejects(checkOp(of(1.01), [shape], squares), {
      name: 'AssertionError',
      message: /^gradient of input 0, seed 1, node cpu: \[\d+\] is .*, not .*$/,
    })
})

test('checkOp refuses a value that is off by 1e-4, and a wrong number of elements', async () => {
  await assert.rejects(
    checkOp(of(1), [[3]], (x) => squares(x).map((v, i) => (i === 2 ? v + 1e-4 : v))),
    {
      message: /^seed 1, node cpu: \[2\] is .*, not .*$/,
    },
  )
  await assert.rejects(
    checkOp(of(1), [[3]], (x) => squares(x).slice(1)),
    {
      message: /^seed 1, node cpu: number of elements/,
    },
  )
})

test('checkOp refuses an op that WebGPU has not, also where there is no GPU', async () => {
  const sign: Op = {
    name: 'sign',
    shape: ([x]) => x.shape,
    lower: (_, inputs, onnx) => onnx.node('Sign', inputs),
  }
  await assert.rejects(
    checkOp(
      (x) => make(sign, [x], undefined),
      [[3]],
      (x) => x.map(Math.sign),
      { gradient: false },
    ),
    { message: '/sign/Sign.0: webgpu has no Sign of 1 inputs' },
  )
})

test('inputs are drawn as their specification says', () => {
  const whole = drawn({ shape: [1000], dtype: 'int32', below: 4 }, generator(1))
  assert.ok(whole instanceof Int32Array)
  assert.deepEqual(new Set(whole), new Set([0, 1, 2, 3]))
  const mapped = drawn({ shape: [1000], draw: (u) => u + 2 }, generator(1))
  assert.ok(mapped.every((v) => v >= 1 && v < 3))
  assert.ok(drawn([1000], generator(1)).every((v) => v >= -1 && v < 1 && v === onGrid((v + 1) / 2)))
})

test('slopes of a polynomial of degree 4 are exact', () => {
  const found = slopes((x) => x.map((v) => v ** 4 / 4), [Float32Array.of(0.5, -1)], {
    at: 0,
    weights: Float32Array.of(1, 2),
    uniform: generator(1),
  })
  for (const [i, { slope }] of found.entries()) assert.ok(Math.abs(slope - [0.125, -2][i]) < 1e-5, `${slope}`)
})
