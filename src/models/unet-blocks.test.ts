import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
import { initial, normalNumbers, randomised } from '../../test/model.ts'
import { evaluate } from '../../test/on-node.ts'
import { input } from '../graph/index.ts'
import { params } from '../nn/index.ts'
import { middle, residual } from './unet-blocks.ts'

const style = { groups: 2, eps: 1e-5, activation: 'silu' } as const
const shape = [2, 4, 3, 5]
const x = input('x', shape)
const numbers = normalNumbers(1, ...shape)

test('time that modulates scales by 1 + its first half and shifts by its second, behind the second norm', async () => {
  const [p, plain] = [params(), params()]
  const modulated = residual(p, { ...style, from: 4, to: 4, timeWidth: 3, modulated: true })(x, input('time', [2, 3]))
  const folded = residual(plain, { ...style, from: 4, to: 4 })(x)
  const [gain, shift] = [normalNumbers(2, 4), normalNumbers(3, 4)]
  const weights = {
    ...randomised(p),
    'time_emb_proj.weight': new Float32Array(8 * 3), // every time says the same
    'time_emb_proj.bias': Float32Array.of(...gain, ...shift),
  } as Record<string, Float32Array>
  const got = await evaluate({ y: modulated }, { ...weights, x: numbers, time: normalNumbers(4, 2, 3) })
  const want = await evaluate(
    { y: folded },
    {
      ...weights,
      'norm2.weight': weights['norm2.weight'].map((w, i) => w * (1 + gain[i])),
      'norm2.bias': weights['norm2.bias'].map((b, i) => b * (1 + gain[i]) + shift[i]),
      x: numbers,
    },
  )
  assertClose(got.y, want.y, 1e-5, 'y')
})

test('the scale of the middle divides the sum behind each of its two residual blocks and its attention', async () => {
  const p = params()
  const y = middle(p, { ...style, channels: 4, headWidth: 2, attentionGroups: 2, scale: 2 })(x)
  // From the start the blocks add nothing to x.
  const got = await evaluate({ y }, { ...initial(p), x: numbers })
  assertClose(
    got.y,
    numbers.map((value) => value / 8),
    1e-6,
    'y',
  )
})
