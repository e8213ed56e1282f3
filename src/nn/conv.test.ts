import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import { givenParams } from '../../test/given-params.ts'
import { at, fill } from '../../test/positions.ts'
import { input } from '../graph/index.ts'
import { conv2d, conv3d, convTranspose2d } from './conv.ts'
import { params } from './params.ts'

const shapesOf = (p: ReturnType<typeof params>) =>
  Object.fromEntries([...p.all].map(([name, { tensor }]) => [name, tensor.shape]))

test('convolutional layers declare their arrays as PyTorch does', () => {
  const p = params()
  conv2d(p.at('a'), 4, 8)
  conv2d(p.at('b'), 4, 8, { kernel: [1, 5], groups: 2, bias: false })
  conv3d(p.at('c'), 4, 8)
  convTranspose2d(p.at('d'), 4, 8, { kernel: 2, groups: 2 })
  assert.deepEqual(shapesOf(p), {
    'a.weight': [8, 4, 3, 3],
    'a.bias': [8],
    'b.weight': [8, 2, 1, 5],
    'c.weight': [8, 4, 3, 3, 3],
    'c.bias': [8],
    'd.weight': [4, 4, 2, 2],
    'd.bias': [8],
  })
})

test('a convolutional layer passes stride and padding on', () => {
  const p = params()
  const x = input('x', [2, 4, 9, 9])
  assert.deepEqual(conv2d(p.at('a'), 4, 8, { stride: 2, padding: 1 })(x).shape, [2, 8, 5, 5])
  assert.deepEqual(conv2d(p.at('b'), 4, 8, { padding: [[0, 1], 0], dilation: 2 })(x).shape, [2, 8, 6, 5])
  const y = convTranspose2d(p.at('c'), 4, 8, { stride: 2, padding: 1, outputPadding: 1 })(x)
  assert.deepEqual(y.shape, [2, 8, 18, 18])
})

test('a convolution with a kernel of 1 is a linear layer at each place', () =>
  checkOp(
    (x, weight, bias) => conv2d(givenParams({ weight, bias }), 3, 2, { kernel: 1 })(x),
    [[2, 3, 2, 2], [2, 3, 1, 1], [2]],
    (x, weight, bias) =>
      fill([2, 2, 2, 2], ([b, o, row, column]) =>
        [0, 1, 2].reduce((sum, c) => sum + weight[o * 3 + c] * at(x, [2, 3, 2, 2], [b, c, row, column]), bias[o]),
      ),
  ))
