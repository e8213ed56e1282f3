import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stream } from '../random.ts'
import { fanIn, filled, heNormal, lecunNormal, normal, ones, uniform, xavierUniform, zeros } from './init.ts'

const shape = [200, 50, 2, 2] // 40,000 numbers; 200 inputs of one output
const random = () => stream({ seed: 1, purpose: 'init' })

function moments(values: Float32Array) {
  const mean = values.reduce((a, b) => a + b) / values.length
  const variance = values.reduce((total, v) => total + (v - mean) ** 2, 0) / values.length
  return { mean, variance, largest: values.reduce((a, v) => Math.max(a, Math.abs(v)), 0) }
}

test('constant initial values', () => {
  assert.deepEqual([...zeros([2], random())], [0, 0])
  assert.deepEqual([...ones([2], random())], [1, 1])
  assert.deepEqual([...filled(-0.5)([2], random())], [-0.5, -0.5])
})

test('the inputs of one output are all axes but the first', () => assert.equal(fanIn(shape), 200))

const cases = [
  { name: 'normal', init: normal(0.02), variance: 0.02 ** 2 },
  { name: 'uniform', init: uniform(0.3), variance: 0.3 ** 2 / 3, bound: 0.3 },
  { name: 'xavierUniform', init: xavierUniform, variance: 2 / (200 + 800), bound: Math.sqrt(6 / (200 + 800)) },
  { name: 'lecunNormal', init: lecunNormal, variance: 1 / 200 },
  { name: 'heNormal', init: heNormal, variance: 2 / 200 },
]
for (const { name, init, variance, bound } of cases)
  test(`${name} has mean 0 and its variance`, () => {
    const got = moments(init(shape, random()))
    const deviation = Math.sqrt(variance / 40000) // of the mean of so many numbers
    assert.ok(Math.abs(got.mean) < 4 * deviation, `mean ${got.mean}`)
    assert.ok(Math.abs(got.variance / variance - 1) < 4 * Math.sqrt(2 / 40000), `variance ${got.variance}`)
    if (bound) assert.ok(got.largest <= bound && got.largest > 0.99 * bound, `largest ${got.largest}`)
  })

test('the same stream gives the same values, another stream others', () => {
  assert.deepEqual(lecunNormal(shape, random()), lecunNormal(shape, random()))
  assert.notDeepEqual(lecunNormal(shape, random()), lecunNormal(shape, stream({ seed: 2, purpose: 'init' })))
})
