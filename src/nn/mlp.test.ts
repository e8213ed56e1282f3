import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import { givenParams } from '../../test/given-params.ts'
import { fill } from '../../test/positions.ts'
import { silu, tanh } from '../ops/index.ts'
import { mlp } from './mlp.ts'
import { params } from './params.ts'

const layer = (x: ArrayLike<number>, w: ArrayLike<number>, b: ArrayLike<number>) =>
  fill([x.length / (w.length / b.length), b.length], ([row, column]) => {
    const from = w.length / b.length
    let y = b[column]
    for (let i = 0; i < from; i++) y += x[row * from + i] * w[column * from + i]
    return y
  })

const geluTanh = (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
const weights = [[6, 4], [6], [4, 6], [4]]

test('an MLP is two linear layers with geluTanh between', () =>
  checkOp(
    (x, w1, b1, w2, b2) => {
      const tensors = { 'net.0.proj.weight': w1, 'net.0.proj.bias': b1, 'net.2.weight': w2, 'net.2.bias': b2 }
      return mlp(givenParams(tensors), { width: 4, hidden: 6 })(x)
    },
    [[3, 4], ...weights],
    (x, w1, b1, w2, b2) => layer(layer(x, w1, b1).map(geluTanh), w2, b2),
  ))

test('an MLP takes another activation, other names and another width in', () =>
  checkOp(
    (x, w1, b1, w2, b2) => {
      const tensors = { 'fc1.weight': w1, 'fc1.bias': b1, 'fc2.weight': w2, 'fc2.bias': b2 }
      const config = { width: 4, from: 3, hidden: 6, activation: tanh, names: ['fc1', 'fc2'] as const }
      return mlp(givenParams(tensors), config)(x)
    },
    [[5, 3], [6, 3], [6], [4, 6], [4]],
    (x, w1, b1, w2, b2) => layer(layer(x, w1, b1).map(Math.tanh), w2, b2),
  ))

test('a gated MLP multiplies its values by the activation of its gates', () =>
  checkOp(
    (x, w1, b1, w2, b2) => {
      const tensors = { 'net.0.proj.weight': w1, 'net.0.proj.bias': b1, 'net.2.weight': w2, 'net.2.bias': b2 }
      return mlp(givenParams(tensors), { width: 4, hidden: 6, gated: true, activation: silu })(x)
    },
    [[3, 4], [12, 4], [12], [4, 6], [4]],
    (x, w1, b1, w2, b2) => {
      const both = layer(x, w1, b1)
      const gate = (g: number) => g / (1 + Math.exp(-g))
      return layer(
        fill([3, 6], ([row, i]) => both[row * 12 + i] * gate(both[row * 12 + 6 + i])),
        w2,
        b2,
      )
    },
  ))

test('an MLP names its weights as diffusers does', () => {
  const p = params()
  mlp(p.at('ffn'), { width: 4, hidden: 6 })
  assert.deepEqual(
    [...p.all.keys()],
    ['ffn.net.0.proj.weight', 'ffn.net.0.proj.bias', 'ffn.net.2.weight', 'ffn.net.2.bias'],
  )
})
