import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exp } from '../ops/index.ts'
import { ones, zeros } from './init.ts'
import { params } from './params.ts'

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
