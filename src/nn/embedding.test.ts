import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import { givenParams } from '../../test/given-params.ts'
import { embedding } from './embedding.ts'
import { params } from './params.ts'

test('an embedding gives each number its row of the table', () =>
  checkOp(
    (weight, ids) => embedding(givenParams({ weight }), 4, 3)(ids),
    [[4, 3], { shape: [2, 5], dtype: 'int32', below: 4 }],
    (weight, ids) => Float32Array.from({ length: 30 }, (_, i) => weight[ids[Math.floor(i / 3)] * 3 + (i % 3)]),
  ))

test('an embedding declares one table', () => {
  const p = params()
  embedding(p.at('token_embedding'), 4, 3)
  assert.deepEqual(
    [...p.all.values()].map(({ name, tensor }) => [name, tensor.shape]),
    [['token_embedding.weight', [4, 3]]],
  )
})
