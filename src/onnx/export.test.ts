import assert from 'node:assert/strict'
import { test } from 'node:test'
import onnxProto from 'onnx-proto'
import { evaluate } from '../../test/on-node.ts'
import { constant, input, scalar, withScope } from '../graph/index.ts'
import { add, conv, exp, matmul, mul, relu, rmsNorm, square, sum } from '../ops/index.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { grad } from '../transform/grad.ts'
import { toOnnx } from './export.ts'

const graphOf = (outputs: Parameters<typeof toOnnx>[0], options: Parameters<typeof toOnnx>[1] = { target: 'cpu' }) =>
  onnxProto.onnx.ModelProto.decode(toOnnx(outputs, options).bytes).graph!

test('nodes that nothing reads come last, the first of them at the very end', () => {
  let x = input('x', [2, 3])
  const weights = ['a', 'b', 'c'].map((name) => input(name, [3, 3]))
  for (const w of weights) x = relu(matmul(x, w))
  const [da, db, dc] = grad(sum(x), weights)
  const outputs = { da, db, dc }
  const { node } = graphOf(outputs)
  const read = new Set(node!.flatMap(({ input }) => input!))
  const leaves = node!.map(({ output }) => output!.every((value) => !read.has(value)))
  assert.equal(leaves.lastIndexOf(false), leaves.indexOf(true) - 1)
  // The backward pass makes dc first: the engine begins at the end of the file, so that is where it has to stand.
  const names = new Map(toOnnx(outputs, { target: 'cpu' }).outputs.map(({ name, value }) => [value, name]))
  assert.deepEqual(
    node!.slice(-3).map(({ output }) => names.get(output![0])),
    ['da', 'db', 'dc'],
  )
})

test('nodes come after those that they read', () => {
  const x = input('x', [3, 3])
  const { node, initializer } = graphOf({ y: sum(exp(matmul(x, add(x, 2)))) })
  const known = new Set(['x', ...initializer!.map(({ name }) => name)])
  for (const { input: read, output } of node!) {
    for (const value of read!) assert.ok(known.has(value), value)
    for (const value of output!) known.add(value)
  }
})

test('what no output needs is not written', () => {
  const x = input('x', [2, 3])
  const { node } = graphOf({ y: rmsNorm(x) }, { target: 'webgpu' })
  assert.deepEqual(
    node!.map(({ opType }) => opType),
    ['SimplifiedLayerNormalization'],
  )
})

test('both gradients of a convolution read one array in blocks of channels', () => {
  const [x, w] = [input('x', [1, 16, 16, 16]), input('w', [32, 16, 3, 3])]
  const [dx, dw] = grad(sum(square(conv(x, w, { padding: 1 }))), [x, w])
  const { node } = graphOf({ dx, dw }, { target: 'cpu', channelBlock: 16 })
  const ordered = node!.filter(({ opType }) => opType === 'ReorderInput').map(({ input }) => input![0])
  assert.equal(ordered.length, 3) // x for the convolution, its places for dw, and dy
  assert.equal(new Set(ordered).size, 3)
})

test('inputs are declared with shape and type, in the order of their creation', () => {
  const x = input('x', [2, 3])
  const i = input('i', [4], 'int32')
  const model = toOnnx({ y: sum(x), i }, { target: 'cpu' })
  assert.deepEqual(model.inputs, [
    { name: 'x', shape: [2, 3], dtype: 'float32' },
    { name: 'i', shape: [4], dtype: 'int32' },
  ])
})

test('an input, a constant, and one value under two names can all be outputs', async () => {
  const x = input('x', [2])
  const y = exp(x)
  const got = await evaluate(
    { x, again: x, c: constant(Float32Array.of(5, 6), [2]), y, z: y },
    { x: Float32Array.of(0, 0) },
  )
  assert.deepEqual(got, {
    x: Float32Array.of(0, 0),
    again: Float32Array.of(0, 0),
    c: Float32Array.of(5, 6),
    y: Float32Array.of(1, 1),
    z: Float32Array.of(1, 1),
  })
})

test('two inputs of one name are refused, fed or constant', () => {
  const outputs = { y: sum(matmul(input('w', [2, 3]), input('w', [3, 2]))) }
  const message = "export: two inputs must not share the name 'w' (got one [2, 3], other [3, 2])"
  assert.throws(() => toOnnx(outputs, { target: 'cpu' }), { name: 'ShapeError', message })
  assert.throws(() => toOnnx(outputs, { target: 'cpu', constants: { w: new Float32Array(6) } }), {
    name: 'ShapeError',
    message,
  })
})

test('inputs whose values are given become part of the model', async () => {
  const y = mul(input('x', [3]), add(input('w', [3]), input('b', [])))
  const constants = { w: Float32Array.of(1, 2, 3), b: Float32Array.of(10), unused: new Float32Array(2) }
  const model = toOnnx({ y }, { target: 'cpu', constants })
  assert.deepEqual(
    model.inputs.map(({ name }) => name),
    ['x'],
  )
  const program = await nodeRuntime().load({ y }, { constants })
  const { y: got } = await program.run({ x: Float32Array.of(1, 1, 2) })
  await program.release()
  assert.deepEqual([...got], [11, 12, 26])
})

test('a constant must have the shape and type of its input', () => {
  const outputs = { y: sum(mul(input('w', [2, 3]), 2)) }
  const wrong = (array: Float32Array | Int32Array | Uint8Array, message: string) =>
    assert.throws(() => toOnnx(outputs, { target: 'cpu', constants: { w: array } }), { name: 'ShapeError', message })
  wrong(
    new Float32Array(5),
    "export: the constant 'w' must be float32 and fill its shape (got shape [2, 3], Float32Array 5)",
  )
  wrong(
    new Int32Array(6),
    "export: the constant 'w' must be float32 and fill its shape (got shape [2, 3], Int32Array 6)",
  )
  wrong(
    new Uint8Array(6),
    "export: the constant 'w' must be float32 and fill its shape (got shape [2, 3], Uint8Array 6)",
  )
})

test('a number and a uniform array are stored once', () => {
  const x = input('x', [2, 2])
  const same = () => constant(new Float32Array(4).fill(3), [2, 2])
  const { initializer } = graphOf({ y: add(add(mul(x, scalar(3)), mul(x, scalar(3))), add(same(), same())) })
  assert.equal(initializer!.length, 2)
})

test('nodes are named by the module that made them and by its op', () => {
  const y = withScope('blocks.0.attn', () => exp(input('x', [2])))
  assert.deepEqual(
    graphOf({ y }).node!.map(({ name }) => name),
    ['blocks.0.attn/exp/Exp.0'],
  )
})

test('graphs of many thousand nodes in a row export', () => {
  let x = input('x', [1])
  for (let i = 0; i < 20000; i++) x = exp(x)
  assert.equal(graphOf({ x }).node!.length, 20000)
})

test('an input may have any name but those of the values inside a model', async () => {
  const y = add(exp(input('v0', [2])), input('c0', [2]))
  const got = await evaluate({ y: add(y, 1) }, { v0: new Float32Array(2), c0: Float32Array.of(0, 1) })
  assert.deepEqual([...got.y], [2, 3])
  const message = 'export: an input must not be named like a value inside a model (got name v#0)'
  assert.throws(() => toOnnx({ y: exp(input('v#0', [2])) }, { target: 'cpu' }), { name: 'ShapeError', message })
})
