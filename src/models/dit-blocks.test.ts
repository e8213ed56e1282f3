import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import { givenParams } from '../../test/given-params.ts'
import { cumulative } from '../../test/normal-distribution.ts'
import { fill } from '../../test/positions.ts'
import { mlp } from '../nn/index.ts'
import { feedForwards } from './dit-blocks.ts'

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))
const gelu = (x: number) => x * cumulative(x)
const silu = (x: number) => x * sigmoid(x)

/** What diffusers makes of a number of the first layer, or of a value and its gate. */
const formulas: Record<keyof typeof feedForwards, (value: number, gate: number) => number> = {
  gelu,
  'gelu-approximate': (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  geglu: (value, gate) => value * gelu(gate),
  'geglu-approximate': (x) => x * sigmoid(1.702 * x),
  swiglu: (value, gate) => value * silu(gate),
  'linear-silu': silu,
}

for (const [name, formula] of Object.entries(formulas))
  test(`the feed-forward network ${name} has the formula that diffusers gives its name`, () => {
    const config = feedForwards[name as keyof typeof feedForwards]
    const rows = 'gated' in config ? 6 : 3
    return checkOp(
      (x, w1, b1, w2, b2) => {
        const tensors = { 'net.0.proj.weight': w1, 'net.0.proj.bias': b1, 'net.2.weight': w2, 'net.2.bias': b2 }
        return mlp(givenParams(tensors), { width: 2, hidden: 3, ...config })(x)
      },
      [[4, 2], [rows, 2], [rows], [2, 3], [2]],
      (x, w1, b1, w2, b2) =>
        fill([4, 2], ([n, d]) => {
          const first = (i: number) => x[2 * n] * w1[2 * i] + x[2 * n + 1] * w1[2 * i + 1] + b1[i]
          return [0, 1, 2].reduce((sum, i) => sum + w2[3 * d + i] * formula(first(i), first(i + 3)), b2[d])
        }),
    )
  })
