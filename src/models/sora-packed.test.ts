import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
import { normalNumbers, randomised } from '../../test/model.ts'
import { evaluate } from '../../test/on-node.ts'
import { type Planes, packPatches, perSlot, perToken, tokenWeights } from '../data/pack-patches.ts'
import { flowLoss } from '../diffusion/flow-loss.ts'
import { input, type Tensor } from '../graph/index.ts'
import { type Params, params } from '../nn/index.ts'
import { addAll, mul, reshape } from '../ops/index.ts'
import { grad } from '../transform/grad.ts'
import { wanConfig, wanTransformer } from './sora.ts'
import { packedWanTransformer } from './sora-packed.ts'

const config = wanConfig({
  num_attention_heads: 2,
  attention_head_dim: 16,
  in_channels: 3,
  out_channels: 3,
  text_dim: 8,
  freq_dim: 16,
  ffn_dim: 48,
  num_layers: 2,
})
const sizes = [
  [3, 4, 4],
  [1, 6, 4],
  [2, 4, 8],
  [1, 2, 2],
  [1, 4, 4],
] as const
const placed = [
  [2, 3],
  [1, 0, 4],
]
const [N, S, L] = [24, 3, 5] // 17 and 22 of 24 tokens are used
const weights = [0.5, 0.1, 0.2, 0.05, 0.15]
const times = [0.2, 0.9, 0.5, 0.7, 0.35]
const textLengths = [5, 2, 3, 1, 4]

const planes = (purpose: number): Planes[] =>
  sizes.map(([frames, height, width], i) => {
    const pixels = normalNumbers(10 * purpose + i, 3, frames, height, width)
    return { pixels, frames, height, width }
  })
const [x0, eps] = [planes(1), planes(2)]
const text = sizes.map((_, i) => normalNumbers(50 + i, L, 8))
const mask = textLengths.map((length) => Float32Array.from({ length: L }, (_, i) => +(i < length)))

/** Packed: velocities [R · N, C, 1, 2, 2] and loss of all samples. */
function packed(p: Params) {
  const at = (name: string) => input(name, [2, N], 'int32')
  const t = input('t', [2, S])
  const told = { t: mul(t, 1000), text: input('text', [2, S, L, 8]), mask: input('mask', [2, S, L]) }
  const places = { sample: at('sample'), frames: at('frames'), rows: at('rows'), columns: at('columns') }
  const network = packedWanTransformer(p, config, { frames: 3, height: 3, width: 4 })
  let v: Tensor | undefined
  const loss = flowLoss(
    (xt) => {
      v = network(xt, { ...places, ...told })
      return v
    },
    {
      x0: input('x0', [2 * N, 3, 1, 2, 2]),
      eps: input('eps', [2 * N, 3, 1, 2, 2]),
      t: input('times', [2 * N]),
      weight: reshape(input('weight', [2 * N]), [2 * N, 1, 1, 1, 1]),
    },
  )
  return { v: v!, loss }
}

function packedFeeds() {
  const options = { patch: [1, 2, 2], channels: 3, length: N, placed } as const
  const rows = packPatches(x0, options)
  const slots = (size: number, of: (i: number) => ArrayLike<number>) =>
    perSlot(rows, { slots: S, size }, (i, into) => into.set(of(i)))
  return {
    rows,
    feeds: {
      x0: rows.patches,
      eps: packPatches(eps, options).patches,
      sample: rows.sample,
      frames: rows.frames,
      rows: rows.rows,
      columns: rows.columns,
      t: slots(1, (i) => [times[i]]),
      times: perToken(rows, (i) => times[i]),
      weight: tokenWeights(rows, (i) => weights[i]),
      text: slots(L * 8, (i) => text[i]),
      mask: slots(L, (i) => mask[i]),
    },
  }
}

/** Sample i alone: velocity [1, C, T, H, W] and loss. */
function alone(network: ReturnType<typeof wanTransformer>, i: number) {
  const shape = [1, 3, ...sizes[i]]
  const told = { text: input(`text ${i}`, [1, L, 8]), mask: input(`mask ${i}`, [1, L]) }
  let v: Tensor | undefined
  const loss = flowLoss(
    (xt, t) => {
      v = network(xt, t, told.text, { mask: told.mask })
      return v
    },
    { x0: input(`x0 ${i}`, shape), eps: input(`eps ${i}`, shape), t: input(`t ${i}`, [1]) },
  )
  return { v: v!, loss }
}

const aloneFeeds = Object.fromEntries(
  sizes.flatMap((_, i) => [
    [`x0 ${i}`, x0[i].pixels],
    [`eps ${i}`, eps[i].pixels],
    [`t ${i}`, Float32Array.of(times[i])],
    [`text ${i}`, text[i]],
    [`mask ${i}`, mask[i]],
  ]),
)

test('clips and stills of different sizes in packed rows have the velocities that each has alone', async () => {
  const p = params()
  const { v } = packed(p)
  const all = randomised(p)
  const { rows, feeds } = packedFeeds()
  const together = (await evaluate({ v }, { ...all, ...feeds })).v as Float32Array
  for (const [i, [, height, width]] of sizes.entries()) {
    const single = (await evaluate({ v: alone(wanTransformer(params(), config), i).v }, { ...all, ...aloneFeeds }))
      .v as Float32Array
    const volume = { pixels: single, frames: sizes[i][0], height, width }
    const want = packPatches([volume], { patch: [1, 2, 2], channels: 3, length: rows.lengths[i] }).patches
    const row = placed.findIndex((group) => group.includes(i))
    const first = rows.sample.indexOf(placed[row].indexOf(i), row * N)
    assertClose(together.slice(first * 12, first * 12 + want.length), want, 5e-6, `sample ${i}`)
  }
})

test('the packed loss and its gradients are those of the samples alone, each counted as wanted', async () => {
  const p = params()
  const { loss } = packed(p)
  const names = [...p.all.keys()].filter((name) => p.all.get(name)!.trained)
  const all = randomised(p)
  const q = params()
  const single = wanTransformer(q, config)
  const sum = addAll(sizes.map((_, i) => mul(alone(single, i).loss, weights[i])))
  assert.deepEqual([...q.all.keys()].sort(), [...p.all.keys()].sort()) // one model, packed or not
  const withGradients = (of: Params, value: Tensor) => {
    const found = grad(
      value,
      names.map((name) => of.all.get(name)!.tensor),
    )
    return { loss: value, ...Object.fromEntries(found.map((g, i) => [names[i], g])) }
  }
  const together = await evaluate(withGradients(p, loss), { ...all, ...packedFeeds().feeds })
  const apart = await evaluate(withGradients(q, sum), { ...all, ...aloneFeeds })
  for (const name of ['loss', ...names]) {
    const scale = Math.max(1e-6, ...Array.from(apart[name], Math.abs))
    const scaled = (values: ArrayLike<number>) => Array.from(values, (value) => value / scale)
    assertClose(scaled(together[name]), scaled(apart[name]), 2e-5, name)
  }
})

test('weights are even where none are given, and a row with more samples than slots is refused', () => {
  const { rows } = packedFeeds()
  const even = tokenWeights(rows)
  const mean = even.reduce((a, b) => a + b) / even.length
  assert.ok(Math.abs(mean - 1) < 1e-6)
  for (const [token, slot] of rows.sample.entries()) assert.equal(even[token] === 0, slot < 0)
  assert.throws(() => perSlot(rows, { slots: 2, size: 1 }, () => {}), {
    code: 'usage',
    message: 'perSlot: row 1 holds 3 samples, more than 2',
  })
})
