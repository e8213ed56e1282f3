import { make, type Op, type Tensor } from '../graph/index.ts'
import { add, mul, sub } from './arithmetic.ts'
import { cast, greater, greaterOrEqual } from './compare.ts'
import { liftPair, type Operand, pairShape } from './operand.ts'
import { sumTo } from './reduce.ts'

/** Which share of the gradient goes to a where the larger one is taken: 1, 0, or ½ where both are equal. */
function shareOfLarger(a: Tensor, b: Tensor): Tensor {
  const over = cast(greater(a, b), 'float32')
  return mul(add(over, cast(greaterOrEqual(a, b), 'float32')), 0.5)
}

const choice = (name: string, type: string, share: (a: Tensor, b: Tensor) => Tensor): Op => ({
  name,
  shape: ([a, b]) => pairShape(name, a, b),
  grad(dy, { inputs: [a, b] }) {
    const da = mul(dy, share(a, b))
    return [sumTo(da, a.shape), sumTo(sub(dy, da), b.shape)]
  },
  lower: (_, inputs, onnx) => onnx.node(type, inputs),
})

const Maximum = choice('maximum', 'Max', shareOfLarger)
const Minimum = choice('minimum', 'Min', (a, b) => shareOfLarger(b, a))

/** The larger of a and b by element, with broadcasting; equal ones share the gradient. */
export const maximum = (a: Operand, b: Operand): Tensor => make(Maximum, liftPair('maximum', a, b), undefined)

/** The smaller of a and b by element, with broadcasting; equal ones share the gradient. */
export const minimum = (a: Operand, b: Operand): Tensor => make(Minimum, liftPair('minimum', a, b), undefined)
