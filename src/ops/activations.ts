import { make, makeAll, type Op, type Tensor } from '../graph/index.ts'
import { add, addAll, mul, sub } from './arithmetic.ts'
import { erf, exp, sigmoid, square } from './elementwise.ts'

/** SiLU, also called swish: x · sigmoid(x) (Hendrycks & Gimpel 2016; Elfwing et al. 2018). Outputs: y and the sigmoid. */
const Silu: Op = {
  name: 'silu',
  shape: ([x]) => [x.shape, x.shape],
  // y = x s, so dy/dx = s + x s (1 − s) = s + y − y s: four passes over memory. What a second gradient sends to s comes
  // on top of it.
  grad(_, { outputs: [y, s] }, [dy, ds]) {
    const parts = [dy && mul(dy, add(s, sub(y, mul(y, s)))), ds && mul(ds, sub(s, mul(s, s)))]
    return [addAll(parts.filter((part) => part !== undefined))]
  },
  lower(_, [x], onnx) {
    const s = onnx.node('Sigmoid', [x])
    return [onnx.node('Mul', [x, s]), s]
  },
}

/** x · sigmoid(x) */
export const silu = (x: Tensor): Tensor => makeAll(Silu, [x], undefined)[0]

/** GELU in its exact form: x · Φ(x) (Hendrycks & Gimpel 2016). */
const Gelu: Op = {
  name: 'gelu',
  shape: ([x]) => x.shape,
  // dy/dx = Φ(x) + x φ(x)
  grad(dy, { inputs: [x] }) {
    const cumulative = mul(add(erf(mul(x, Math.SQRT1_2)), 1), 0.5)
    const density = mul(exp(mul(square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI))
    return [mul(dy, add(cumulative, mul(x, density)))]
  },
  lower: (_, inputs, onnx) => onnx.node('Gelu', inputs),
}

/** x · Φ(x), with the normal distribution function Φ. */
export const gelu = (x: Tensor): Tensor => make(Gelu, [x], undefined)

// tanh(u) = 2 sigmoid(2u) − 1, so the tanh form of GELU is x · sigmoid(x (A + B x²)).
const A = 2 * Math.sqrt(2 / Math.PI)
const B = A * 0.044715

/** GELU in its tanh form, the one of GPT, DiT and Wan. */
const GeluTanh: Op = {
  name: 'geluTanh',
  shape: ([x]) => x.shape,
  // With q = A + B x² and s = sigmoid(x q): dy/dx = s + (y − y s) (3 q − 2 A).
  grad(dy, { inputs: [x], outputs: [y] }) {
    const q = add(mul(square(x), B), A)
    const s = sigmoid(mul(q, x))
    return [mul(dy, add(s, mul(sub(y, mul(y, s)), sub(mul(q, 3), 2 * A))))]
  },
  lower: (_, inputs, onnx) => onnx.node('Gelu', inputs, { approximate: 'tanh' }),
}

/** x · ½ (1 + tanh(√(2/π) (x + 0.044715 x³))) */
export const geluTanh = (x: Tensor): Tensor => make(GeluTanh, [x], undefined)

/** The fast GELU of OpenAI's CLIP weights. */
const QuickGelu: Op = {
  name: 'quickGelu',
  shape: ([x]) => x.shape,
  // dy/dx = s + 1.702 (y − y s)
  grad(dy, { inputs: [x], outputs: [y] }) {
    const s = sigmoid(mul(x, 1.702))
    return [mul(dy, add(s, mul(sub(y, mul(y, s)), 1.702)))]
  },
  lower: (_, [x], onnx) => onnx.node('QuickGelu', [x], { alpha: { float: 1.702 } }, 'com.microsoft'),
}

/** x · sigmoid(1.702 x) */
export const quickGelu = (x: Tensor): Tensor => make(QuickGelu, [x], undefined)
