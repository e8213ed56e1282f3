import assert from 'node:assert/strict'
import { test } from 'node:test'
import { evaluate } from '../../test/on-node.ts'
import { add, exp, mul, sum } from '../ops/index.ts'
import { grad } from '../transform/grad.ts'
import { ones, zeros } from './init.ts'
import { detachedParams, type Params, params } from './params.ts'

test('parameters are named by their path, in the order of their declaration', () => {
  const p = params()
  const block = p.at('blocks').at(0)
  const w = block.at('attn').get('weight', [2, 3], ones)
  p.get('bias', [2], zeros)
  block.buffer('mean', [4], zeros)
  assert.deepEqual([...p.all.keys()], ['blocks.0.attn.weight', 'bias', 'blocks.0.mean'])
  assert.equal(p.all.get('blocks.0.attn.weight')!.tensor, w)
  assert.deepEqual(
    [...p.all.values()].map(({ trained }) => trained),
    [true, true, false],
  )
  assert.equal(block.path, 'blocks.0')
})

test('nodes that a layer makes carry its path', () => {
  const p = params()
  const layer = p.at('blocks.1').scoped(exp)
  assert.equal(layer(p.get('x', [2], zeros)).node.scope, 'blocks.1')
})

test('a name can be declared once', () => {
  const p = params().at('head')
  p.get('weight', [2], zeros)
  assert.throws(() => p.buffer('weight', [3], zeros), {
    name: 'ShapeError',
    message: "params: 'head.weight' is declared twice (got shape [3])",
  })
})

test('a detached place reads the same parameters, which get no gradient there', async () => {
  const p = params()
  const layer = (at: Params) => at.at('layer').get('weight', [2], ones)
  const w = layer(p.at('net'))
  const again = layer(detachedParams(p.at('net')))
  const [dw] = grad(sum(add(mul(w, 3), mul(again, 5))), [w])
  const got = await evaluate({ again, dw }, { 'net.layer.weight': Float32Array.of(7, 8) })
  assert.deepEqual([...got.again], [7, 8])
  assert.deepEqual([...got.dw], [3, 3])
  assert.equal(p.all.size, 1)
  assert.throws(() => detachedParams(p).get('other', [1], ones), /params: 'other' must be declared before it is read/)
})
