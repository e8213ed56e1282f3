import { make, type Op, type Tensor } from '../graph/index.ts'
import { add, div, mul, neg, sub } from './arithmetic.ts'

/** An op of one tensor that works on each element alone; `slope` is dy/dx, from x and y. */
const elementwise = (name: string, type: string, slope: (x: Tensor, y: Tensor) => Tensor): Op => ({
  name,
  shape: ([x]) => x.shape,
  grad: (dy, { inputs: [x], outputs: [y] }) => [mul(dy, slope(x, y))],
  lower: (_, inputs, onnx) => onnx.node(type, inputs),
})

const Exp = elementwise('exp', 'Exp', (_, y) => y)
const Log = elementwise('log', 'Log', (x) => div(1, x))
const Sqrt = elementwise('sqrt', 'Sqrt', (_, y) => div(0.5, y))
const Reciprocal = elementwise('reciprocal', 'Reciprocal', (_, y) => neg(mul(y, y)))
const Tanh = elementwise('tanh', 'Tanh', (_, y) => sub(1, mul(y, y)))
const Sigmoid = elementwise('sigmoid', 'Sigmoid', (_, y) => mul(y, sub(1, y)))
const Erf = elementwise('erf', 'Erf', (x) => mul(exp(neg(mul(x, x))), 2 / Math.sqrt(Math.PI)))
const Softplus = elementwise('softplus', 'Softplus', (x) => sigmoid(x))

/** eˣ */
export const exp = (x: Tensor): Tensor => make(Exp, [x], undefined)
/** Natural logarithm. */
export const log = (x: Tensor): Tensor => make(Log, [x], undefined)
/** Square root. */
export const sqrt = (x: Tensor): Tensor => make(Sqrt, [x], undefined)
/** 1 / x */
export const reciprocal = (x: Tensor): Tensor => make(Reciprocal, [x], undefined)
/** 1 / √x */
export const rsqrt = (x: Tensor): Tensor => reciprocal(sqrt(x))
/** Hyperbolic tangent. */
export const tanh = (x: Tensor): Tensor => make(Tanh, [x], undefined)
/** 1 / (1 + e⁻ˣ) */
export const sigmoid = (x: Tensor): Tensor => make(Sigmoid, [x], undefined)
/** Error function. */
export const erf = (x: Tensor): Tensor => make(Erf, [x], undefined)
/** ln(1 + eˣ) */
export const softplus = (x: Tensor): Tensor => make(Softplus, [x], undefined)
/** x² */
export const square = (x: Tensor): Tensor => mul(x, x)

const Clip: Op<{ low: number; high: number }> = {
  name: 'clip',
  shape: ([x]) => x.shape,
  // The slope is 1 where x was left as it is, and 0 where it was cut.
  grad: (dy, { inputs: [x], attrs }) => [mul(dy, make(Inside, [x], attrs))],
  lower: ({ attrs: { low, high } }, [x], onnx) => onnx.node('Clip', [x, onnx.scalar(low), onnx.scalar(high)]),
}

const Inside: Op<{ low: number; high: number }> = {
  name: 'inside',
  shape: ([x]) => x.shape,
  grad: () => [undefined], // it has no slope
  lower({ attrs: { low, high } }, [x], onnx) {
    const above = onnx.node('GreaterOrEqual', [x, onnx.scalar(low)])
    const below = onnx.node('LessOrEqual', [x, onnx.scalar(high)])
    return onnx.node('Cast', [onnx.node('And', [above, below])], { to: 1 })
  },
}

/** x held between low and high. */
export const clip = (x: Tensor, low: number, high: number): Tensor => make(Clip, [x], { low, high })

const Abs: Op = {
  name: 'abs',
  shape: ([x]) => x.shape,
  grad: (dy, { inputs: [x] }) => [mul(dy, make(SignOf, [x], undefined))],
  lower: (_, inputs, onnx) => onnx.node('Abs', inputs),
}

/** −1, 0 or 1. WebGPU has no Sign, so there it is (x > 0) − (x < 0). */
const SignOf: Op = {
  name: 'sign',
  shape: ([x]) => x.shape,
  grad: () => [undefined], // it has no slope
  lower(_, [x], onnx) {
    if (onnx.target === 'cpu') return onnx.node('Sign', [x])
    const is = (type: string) => onnx.node('Cast', [onnx.node(type, [x, onnx.scalar(0)])], { to: 1 })
    return onnx.node('Sub', [is('Greater'), is('Less')])
  },
}

/** |x| */
export const abs = (x: Tensor): Tensor => make(Abs, [x], undefined)

const Relu: Op = {
  name: 'relu',
  shape: ([x]) => x.shape,
  grad: (dy, { inputs: [x] }) => [mul(dy, make(Positive, [x], undefined))],
  lower: (_, inputs, onnx) => onnx.node('Relu', inputs),
}

const Positive: Op = {
  name: 'positive',
  shape: ([x]) => x.shape,
  grad: () => [undefined], // it has no slope
  lower: (_, [x], onnx) => onnx.node('Cast', [onnx.node('Greater', [x, onnx.scalar(0)])], { to: 1 }),
}

/** max(x, 0) */
export const relu = (x: Tensor): Tensor => make(Relu, [x], undefined)

/** x where x > 0, else slope · x. */
export const leakyRelu = (x: Tensor, slope = 0.2): Tensor => add(mul(x, slope), mul(relu(x), 1 - slope))
