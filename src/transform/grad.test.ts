import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import { assertClose } from '../../test/close.ts'
import { evaluate } from '../../test/on-node.ts'
import { input, nodesOf, withScope } from '../graph/index.ts'
import {
  abs,
  add,
  clip,
  exp,
  expand,
  layerNorm,
  matmul,
  max,
  mul,
  relu,
  reshape,
  silu,
  split,
  sub,
  sum,
  tanh,
  transpose,
} from '../ops/index.ts'
import { grad } from './grad.ts'

test('the gradients of all uses of a tensor add up', () =>
  checkOp(
    (x, b) => add(mul(x, b), mul(exp(x), x)),
    [[2, 3], [3]],
    (x, b) => x.map((v, i) => v * b[i % 3] + Math.exp(v) * v),
  ))

test('the gradient of an inner tensor is that of what follows it', async () => {
  const x = input('x', [3])
  const inner = mul(x, x)
  const [d] = grad(sum(mul(inner, 5)), [inner])
  assertClose((await evaluate({ d }, { x: Float32Array.of(1, 2, 3) })).d, [5, 5, 5], 0, 'd')
})

test('a tensor that ops may look through is refused, as a use of it would be missed', () => {
  const x = input('x', [2, 1, 3])
  for (const seen of [reshape(x, [6]), expand(x, [2, 4, 3]), transpose(x, [1, 0, 2])])
    assert.throws(() => grad(sum(mul(seen, seen)), [seen]), /grad: .*ask for the gradient of what it was made from/)
  const turned = transpose(x, [2, 1, 0])
  const [d] = grad(sum(mul(turned, 5)), [turned])
  assert.deepEqual(d.shape, [3, 1, 2])
})

test('parts of a tensor have gradients of their own, and parts that the loss ignores none', async () => {
  const x = input('x', [6])
  const [a, , c] = split(x, [1, 2, 3], 0)
  const [dx, da] = grad(add(sum(mul(a, 2)), sum(mul(c, c))), [x, a])
  const got = await evaluate({ dx, da }, { x: Float32Array.of(1, 2, 3, 4, 5, 6) })
  assert.deepEqual([...got.dx], [2, 0, 0, 8, 10, 12])
  assert.deepEqual([...got.da], [2])
})

test('a gradient can be differentiated again', async () => {
  const x = input('x', [4])
  const [first] = grad(sum(mul(mul(x, x), x)), [x]) // 3 x²
  const [second] = grad(sum(mul(first, x)), [x]) // (3 x³)' = 9 x²
  const got = await evaluate({ first, second }, { x: Float32Array.of(1, -2, 3, 0.5) })
  assertClose(got.first, [3, 12, 27, 0.75], 1e-6, 'first')
  assertClose(got.second, [9, 36, 81, 2.25], 1e-6, 'second')
})

test('a second gradient passes what has no slope, and SiLU, whose sigmoid it needs twice', async () => {
  await checkOp(
    (x) => mul(grad(sum(silu(x)), [x])[0], x),
    [[7]],
    (x) =>
      x.map((v) => {
        const s = 1 / (1 + Math.exp(-v))
        return (s + v * s * (1 - s)) * v
      }),
  )
  const x = input('x', [3])
  const [d] = grad(sum(mul(grad(sum(abs(relu(clip(x, -1, 2)))), [x])[0], x)), [x])
  assert.deepEqual([...(await evaluate({ d }, { x: Float32Array.of(1, -0.5, 3) })).d], [1, 0, 0])
})

test('a second gradient through a norm is refused, since it would be wrong', () => {
  const [x, gain, bias] = [input('x', [2, 4]), input('gain', [4]), input('bias', [4])]
  const [first] = grad(sum(mul(layerNorm(x, { gain, bias }), x)), [x])
  const message = 'layerNorm: this op has no second gradient (got y [2, 4])'
  assert.throws(() => grad(sum(mul(first, first)), [x]), { name: 'ShapeError', message })
})

test('a loss may have axes, as long as it holds one number', async () => {
  const x = input('x', [1, 2])
  const [dx] = grad(matmul(x, reshape(x, [2, 1])), [x])
  assert.deepEqual([...(await evaluate({ dx }, { x: Float32Array.of(3, -4) })).dx], [6, -8])
})

test('the loss is its own gradient 1', async () => {
  const loss = sum(input('x', [2]))
  const [d] = grad(loss, [loss])
  assert.deepEqual([...(await evaluate({ d }, {})).d], [1])
})

test('nodes of the backward pass carry the scope of the module that they belong to', () => {
  const x = input('x', [2])
  const [dx] = grad(sum(withScope('blocks.0', () => tanh(x))), [x])
  assert.ok(nodesOf([dx]).some(({ scope, op }) => scope === 'blocks.0 (backward)' && op.name === 'mul'))
})

test('an op without gradient may stand where no gradient passes', async () => {
  const x = input('x', [3])
  const [dx] = grad(sum(mul(x, max(input('y', [3]), 0))), [x])
  const got = await evaluate({ dx }, { y: Float32Array.of(1, 7, 3) })
  assert.deepEqual([...got.dx], [7, 7, 7])
})

test('grad says what is wrong', () => {
  const x = input('x', [2])
  const wrong = (make: () => unknown, message: string) =>
    assert.throws(make, { name: 'ShapeError', code: 'input', message })
  wrong(() => grad(mul(x, 2), [x]), 'grad: the loss must hold one number (got loss [2])')
  wrong(() => grad(sum(x), [x, input('w', [2])]), 'grad: the loss must depend on every tensor asked for (got tensor w)')
  wrong(() => grad(sum(x), [sub(x, 1)]), 'grad: the loss must depend on every tensor asked for (got tensor sub)')
  wrong(() => grad(sum(sub(x, max(x))), [x]), 'max: this op has no gradient (got y [])')
})
