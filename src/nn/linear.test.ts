import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import { givenParams } from '../../test/given-params.ts'
import { fill } from '../../test/positions.ts'
import { input } from '../graph/index.ts'
import { linear } from './linear.ts'
import { params } from './params.ts'

const product = (x: Float32Array, weight: Float32Array, bias?: Float32Array) =>
  fill([2, 3, 5], ([i, j, column]) => {
    let y = bias?.[column] ?? 0
    for (let k = 0; k < 4; k++) y += x[(i * 3 + j) * 4 + k] * weight[column * 4 + k]
    return y
  })

test('a linear layer multiplies the last axis by Wᵀ and adds the bias', () =>
  checkOp((x, weight, bias) => linear(givenParams({ weight, bias }), 4, 5)(x), [[2, 3, 4], [5, 4], [5]], product))

test('a linear layer without bias is the product alone', () =>
  checkOp(
    (x, weight) => linear(givenParams({ weight }), 4, 5, { bias: false })(x),
    [
      [2, 3, 4],
      [5, 4],
    ],
    product,
  ))

test('a linear layer declares weight and bias, the bias at 0', () => {
  const p = params()
  linear(p.at('proj'), 4, 5)
  assert.deepEqual([...p.all.keys()], ['proj.weight', 'proj.bias'])
  const { init, tensor } = p.all.get('proj.bias')!
  assert.deepEqual(
    [...init(tensor.shape, { normal: () => assert.fail(), uniform: () => assert.fail() })],
    [0, 0, 0, 0, 0],
  )
})

test('a linear layer refuses columns that it was not made for, by its name', () => {
  assert.throws(() => linear(params().at('blocks.3.proj'), 4, 5)(input('x', [2, 6])), {
    name: 'ShapeError',
    message: 'linear: the last axis of x must be the input width of blocks.3.proj (got x [2, 6], width 4)',
  })
})
