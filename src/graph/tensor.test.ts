import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  constant,
  input,
  make,
  makeAll,
  type Op,
  scalar,
  scalarValue,
  withBlock,
  withScope,
  withSecondRun,
} from './index.ts'

const copy: Op = { name: 'copy', shape: ([x]) => x.shape, lower: (_, [x]) => x }
const parts: Op = { name: 'parts', shape: ([x]) => [x.shape, [1]], lower: (_, [x]) => [x, x] }

test('an op with several outputs gives one tensor for each, in a list of its own', () => {
  const tensors = makeAll(parts, [input('x', [2, 3])], undefined)
  assert.deepEqual(
    tensors.map(({ shape, index }) => [shape, index]),
    [
      [[2, 3], 0],
      [[1], 1],
    ],
  )
  tensors.reverse()
  assert.deepEqual(
    tensors[0].node.outputs.map(({ index }) => index),
    [0, 1],
  )
})

test('a tensor takes its type from its first input where the op names none', () => {
  assert.equal(make(copy, [input('i', [2], 'int32')], undefined).dtype, 'int32')
})

test('an axis that is not a positive whole number is refused', () => {
  const must = 'every axis must be a positive whole number'
  assert.throws(() => input('x', [2, 0]), { name: 'ShapeError', message: `Input: ${must} (got shape [2, 0])` })
  assert.throws(() => input('x', [1.5]), { name: 'ShapeError', message: `Input: ${must} (got shape [1.5])` })
})

test('a constant must fill its shape', () => {
  assert.throws(() => constant(new Float32Array(5), [2, 3]), {
    name: 'ShapeError',
    code: 'input',
    message: 'constant: data must fill the shape (got data 5, shape [2, 3])',
  })
})

test('the value of a constant without axes can be read, that of other tensors not', () => {
  assert.equal(scalarValue(scalar(0.5)), 0.5)
  assert.equal(scalarValue(scalar(7, 'int32')), 7)
  assert.equal(scalarValue(constant(Float32Array.of(1), [1])), undefined)
  assert.equal(scalarValue(input('x', [])), undefined)
})

test('nodes carry the innermost scope, also after an error inside of it', () => {
  const x = input('x', [1])
  const made = () => make(copy, [x], undefined).node.scope
  withScope('outer', () => {
    assert.throws(() => withScope('inner', () => assert.fail('on purpose')))
    assert.equal(made(), 'outer')
    assert.equal(withScope('inner', made), 'inner')
  })
  assert.equal(made(), '')
})

test('a block inside a block belongs to the outer one, and a second run carries its number turned', () => {
  const x = input('x', [1])
  const made = () => make(copy, [x], undefined).node.block
  const [first, inner, second] = [...withBlock(() => [made(), withBlock(made)]), withBlock(made)]
  assert.ok(first > 0)
  assert.equal(inner, first)
  assert.notEqual(second, first)
  assert.equal(withSecondRun(first, made), -first)
  assert.equal(made(), 0)
})
