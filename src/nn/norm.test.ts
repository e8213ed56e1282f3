import assert from 'node:assert/strict'
import { test } from 'node:test'
import { evaluate } from '../../test/on-node.ts'
import { input, type Tensor } from '../graph/index.ts'
import * as ops from '../ops/index.ts'
import { groupNorm, layerNorm, rmsNorm } from './norm.ts'
import { type Params, params } from './params.ts'

const x = input('x', [2, 6])
const layers: { name: string; make: (p: Params) => (x: Tensor) => Tensor; op: Tensor; names: string[] }[] = [
  { name: 'layerNorm', make: (p) => layerNorm(p, 6), op: ops.layerNorm(x, { eps: 1e-5 }), names: ['weight', 'bias'] },
  {
    name: 'layerNorm without bias',
    make: (p) => layerNorm(p, 6, { bias: false }),
    op: ops.layerNorm(x),
    names: ['weight'],
  },
  { name: 'rmsNorm', make: (p) => rmsNorm(p, 6, { eps: 1e-3 }), op: ops.rmsNorm(x, { eps: 1e-3 }), names: ['weight'] },
  {
    name: 'groupNorm',
    make: (p) => groupNorm(p, 6, { groups: 2 }),
    op: ops.groupNorm(x, 2, { eps: 1e-5 }),
    names: ['weight', 'bias'],
  },
  {
    name: 'layerNorm with another eps',
    make: (p) => layerNorm(p, 6, { eps: 1e-2 }),
    op: ops.layerNorm(x, { eps: 1e-2 }),
    names: ['weight', 'bias'],
  },
  {
    name: 'groupNorm with another eps',
    make: (p) => groupNorm(p, 6, { groups: 2, eps: 1e-2 }),
    op: ops.groupNorm(x, 2, { eps: 1e-2 }),
    names: ['weight', 'bias'],
  },
]

for (const { name, make, op, names } of layers)
  test(`${name} starts without effect of its own: gain 1, bias 0`, async () => {
    const p = params()
    const y = make(p.at('norm'))(x)
    assert.deepEqual(
      [...p.all.keys()],
      names.map((n) => `norm.${n}`),
    )
    const none = { normal: () => assert.fail(), uniform: () => assert.fail() }
    const start = [...p.all.values()].map(({ name, tensor, init }) => [name, init(tensor.shape, none)])
    const feeds = { x: Float32Array.from({ length: 12 }, (_, i) => Math.sin(i)), ...Object.fromEntries(start) }
    const got = await evaluate({ y, op }, feeds)
    assert.deepEqual(got.y, got.op)
  })
