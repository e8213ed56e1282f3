import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import { assertClose } from '../../test/close.ts'
import { initial } from '../../test/model.ts'
import { evaluate } from '../../test/on-node.ts'
import { input } from '../graph/index.ts'
import { params } from '../nn/index.ts'
import { pairScale, siglipLoss } from './siglip.ts'

const sigmoid = (z: number) => 1 / (1 + Math.exp(-z))

test('siglipLoss asks of every pair whether it belongs together', () =>
  checkOp(
    (a, b, scale, bias) => siglipLoss(a, b, { scale, bias }),
    [[3, 4], [3, 4], [], []],
    (a, b, [scale], [bias]) => {
      let total = 0
      for (let i = 0; i < 3; i++)
        for (let j = 0; j < 3; j++) {
          let product = 0
          for (let d = 0; d < 4; d++) product += a[i * 4 + d] * b[j * 4 + d]
          total -= Math.log(sigmoid((i === j ? 1 : -1) * (scale * product + bias)))
        }
      return [total / 3]
    },
  ))

test('the loss of a pair does not depend on the others of its batch, as that of CLIP does', async () => {
  const [a, b, c] = [input('a', [1, 2]), input('b', [2, 2]), input('c', [2, 2])]
  const p = params()
  const both = pairScale(p)
  const outputs = { one: siglipLoss(a, a, both), two: siglipLoss(b, c, both) }
  const given = { a: Float32Array.of(1, 0), b: Float32Array.of(1, 0, 0, 1), c: Float32Array.of(1, 0, 0, 1) }
  const { one, two } = await evaluate(outputs, { ...given, ...initial(p) })
  // Two pairs at right angles to each other: the loss of one, and what is asked of the two that do not belong together.
  assertClose([two[0] - one[0]], [Math.log(1 + Math.exp(-10))], 1e-5, 'difference')
  assertClose(one, [Math.log(2)], 1e-5, 'a perfect pair at the first scale and bias')
})

test('pictures and texts must be as many', () => {
  const p = params()
  assert.throws(
    () => siglipLoss(input('a', [3, 2]), input('b', [2, 2]), pairScale(p)),
    /siglipLoss: there must be one text/,
  )
})
