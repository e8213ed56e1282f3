import assert from 'node:assert/strict'
import { test } from 'node:test'
import { params } from '../nn/index.ts'
import { weightsFor } from './weights.ts'

const array = (value: number) => ({ shape: [1], data: Float32Array.of(value) })

test('attention over pixels is read under the names that it had before 2023, and those alone are renamed', () => {
  const p = params()
  const names = ['to_q', 'to_k', 'to_v', 'to_out.0'].map((part) => `mid.attentions.0.${part}.weight`)
  for (const name of [...names, 'query.weight']) p.get(name, [1], () => new Float32Array(1))
  const old = ['query', 'key', 'value', 'proj_attn'].map((part) => `mid.attentions.0.${part}.weight`)
  const stored = Object.fromEntries([...old, 'query.weight'].map((name, i) => [name, array(i)]))
  const got = weightsFor(p, stored)
  assert.deepEqual(Object.keys(got), [...names, 'query.weight'])
  assert.deepEqual(
    Object.values(got).map(([value]) => value),
    [0, 1, 2, 3, 4],
  )
  assert.throws(() => weightsFor(p, { ...stored, 'mid.attentions.0.group_norm.weight': array(5) }), {
    code: 'input',
    message: "the weights: tensor 'mid.attentions.0.group_norm.weight' belongs to no parameter of the model",
  })
})
