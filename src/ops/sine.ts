import { type Emitter, make, type Op, type Tensor, type Value } from '../graph/index.ts'
import { mul, neg } from './arithmetic.ts'

const Sin: Op = {
  name: 'sin',
  shape: ([x]) => x.shape,
  grad: (dy, { inputs: [x] }) => [mul(dy, cos(x))],
  lower: (_, [x], onnx) => (onnx.target === 'cpu' ? onnx.node('Sin', [x]) : accurate(x, sineTerms, onnx)),
}

const Cos: Op = {
  name: 'cos',
  shape: ([x]) => x.shape,
  grad: (dy, { inputs: [x] }) => [neg(mul(dy, sin(x)))],
  lower: (_, [x], onnx) => (onnx.target === 'cpu' ? onnx.node('Cos', [x]) : accurate(x, cosineTerms, onnx)),
}

/** Sine; slow on the CPU: compute tables outside the graph where the argument is known. */
export const sin = (x: Tensor): Tensor => make(Sin, [x], undefined)
/** Cosine; slow on the CPU: compute tables outside the graph where the argument is known. */
export const cos = (x: Tensor): Tensor => make(Cos, [x], undefined)

// Taylor coefficients 1 / n!, with their signs; on ±π/2 the first term left out is below 6e-8.
const taylor = (from: number) =>
  Array.from({ length: 7 }, (_, i) => {
    let c = i % 2 === 0 ? 1 : -1
    for (let n = 2; n <= from + 2 * i; n++) c /= n
    return c
  })
const sineTerms = { coefficients: taylor(1).slice(0, 6), odd: true }
const cosineTerms = { coefficients: taylor(0), odd: false }

// π in two parts; the first has 8 bits, so that its product with a whole number below 2¹⁶ is exact (Cody & Waite 1980).
const pi = [3.140625, Math.PI - 3.140625]

/**
 * WebGPU promises sine and cosine to 2⁻¹¹ only, and nothing beyond ±π (WGSL, section 15.7.4). So x is moved by k π into
 * ±π/2, the series is summed there, and the sign of odd k is turned.
 */
function accurate(x: Value, { coefficients, odd }: typeof sineTerms, onnx: Emitter): Value {
  const times = (a: Value, b: number) => onnx.node('Mul', [a, onnx.scalar(b)])
  const plus = (a: Value, b: number) => onnx.node('Add', [a, onnx.scalar(b)])
  const minus = (a: Value, b: Value) => onnx.node('Sub', [a, b])
  const k = onnx.node('Floor', [plus(times(x, 1 / Math.PI), 0.5)])
  const r = pi.reduce((rest, part) => minus(rest, times(k, part)), x)
  const square = onnx.node('Mul', [r, r])
  const [last, ...lower] = coefficients.toReversed()
  let series = plus(times(square, last), lower[0])
  for (const c of lower.slice(1)) series = plus(onnx.node('Mul', [series, square]), c)
  const y = odd ? onnx.node('Mul', [series, r]) : series
  const half = times(k, 0.5)
  const parity = minus(half, onnx.node('Floor', [half])) // 0 for even k, ½ for odd
  return onnx.node('Mul', [y, plus(times(parity, -4), 1)])
}
