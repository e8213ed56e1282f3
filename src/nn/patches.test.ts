import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
import { normalNumbers, randomised } from '../../test/model.ts'
import { evaluate } from '../../test/on-node.ts'
import { input } from '../graph/index.ts'
import { conv, transpose } from '../ops/index.ts'
import { params } from './params.ts'
import { patches, unpatch, wholePatches } from './patches.ts'

test('a patch embedding is the convolution whose stride is its kernel, tokens first', async () => {
  const p = params()
  const x = input('x', [2, 3, 4, 6, 4])
  const tokens = patches(p, { channels: 3, width: 5, patch: [2, 3, 2] })(x) // [8, 2, 5]
  const weight = p.all.get('weight')!.tensor
  const grid = conv(x, weight, { stride: [2, 3, 2], bias: p.all.get('bias')!.tensor }) // [2, 5, 2, 2, 2]
  const outputs = { tokens, grid: transpose(grid, [2, 3, 4, 0, 1]) }
  const results = await evaluate(outputs, { ...randomised(p), x: normalNumbers(1, 2, 3, 4, 6, 4) })
  assert.equal(results.tokens.length, 80)
  assertClose(results.tokens, results.grid, 1e-5, 'tokens')
})

test('unpatch puts every element of a token at its place', async () => {
  // Token n of 2 × 2 has columns (row, column, channel); each says where it belongs: channel · 100 + y · 10 + x.
  const tokens = Float32Array.from({ length: 4 * 8 }, (_, i) => {
    const [n, row, column, channel] = [i >> 3, (i >> 2) & 1, (i >> 1) & 1, i & 1]
    return channel * 100 + ((n >> 1) * 2 + row) * 10 + (n & 1) * 2 + column
  })
  const { y } = await evaluate({ y: unpatch(input('tokens', [4, 1, 8]), [2, 2], [2, 2]) }, { tokens })
  const want = Float32Array.from({ length: 32 }, (_, i) => (i >> 4) * 100 + ((i >> 2) & 3) * 10 + (i & 3))
  assert.deepEqual(y, want)
})

test('pixels behind the last whole patch are left out, or refused', () => {
  const x = input('x', [1, 3, 9, 8])
  assert.deepEqual(wholePatches(x, [4, 4]).shape, [1, 3, 8, 8])
  const embed = patches(params(), { channels: 3, width: 5, patch: [4, 4] })
  assert.throws(() => embed(x), /patches: every size must be a multiple of the patch size \(got sizes \[9, 8\]/)
  assert.throws(() => embed(input('y', [1, 4, 8, 8])), /patches: x must have 3 channels/)
})
