import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
import { normalNumbers, randomised } from '../../test/model.ts'
import { evaluate } from '../../test/on-node.ts'
import { constant, input, type Tensor } from '../graph/index.ts'
import { params } from '../nn/index.ts'
import { attentionRollout, classTokenMap } from './attention-rollout.ts'
import { vit, vitConfig } from './vit.ts'

const [B, heads, N] = [2, 4, 7]

/** Attention maps and their rollout of a random ViT on 2 × 3 patches. */
async function looking() {
  const config = vitConfig({ hidden_size: 16, num_hidden_layers: 3, num_attention_heads: heads, intermediate_size: 32 })
  const p = params()
  const { attention } = vit(p, { ...config, imageSize: [8, 12], patchSize: [4, 4] })(input('pixels', [B, 3, 8, 12]))
  const rollout = attentionRollout(attention)
  const map = classTokenMap(rollout, [2, 3])
  const named = Object.fromEntries(attention.map((weights, i) => [`block ${i}`, weights]))
  const values = await evaluate(
    { ...named, rollout, map },
    { ...randomised(p), pixels: normalNumbers(1, B, 3, 8, 12).map((z) => 3 * z) },
  )
  return { attention, rollout, map, values }
}

const rowSums = (values: ArrayLike<number>) =>
  Array.from({ length: values.length / N }, (_, row) =>
    Array.from(values)
      .slice(row * N, (row + 1) * N)
      .reduce((a, b) => a + b),
  )

test('every row of every attention map, and of the rollout, sums to 1', async () => {
  const { attention, rollout, values } = await looking()
  assert.deepEqual(
    attention.map(({ shape }) => shape),
    [0, 1, 2].map(() => [B, heads, N, N]),
  )
  assert.deepEqual(rollout.shape, [B, N, N])
  for (const name of ['block 0', 'block 1', 'block 2', 'rollout']) {
    const sums = rowSums(values[name])
    assertClose(sums, new Array(sums.length).fill(1), 1e-5, name)
  }
  assert.ok(Array.from(values['block 1']).some((weight) => weight > 2 / N)) // and they are not all alike
})

test('the rollout is the product of the blocks, each half its own, the last one on the left', async () => {
  const { values } = await looking()
  for (let b = 0; b < B; b++) {
    const flow = (block: number, i: number, j: number) => {
      let sum = 0
      for (let h = 0; h < heads; h++) sum += values[`block ${block}`][((b * heads + h) * N + i) * N + j] / heads
      return 0.5 * sum + (i === j ? 0.5 : 0)
    }
    let rows = Array.from({ length: N }, (_, i) => Array.from({ length: N }, (_, j) => Number(i === j)))
    for (let block = 0; block < 3; block++)
      rows = rows.map((_, i) => rows.map((_, j) => rows.reduce((sum, row, k) => sum + flow(block, i, k) * row[j], 0)))
    assertClose(values.rollout.slice(b * N * N, (b + 1) * N * N), rows.flat(), 1e-5, `sample ${b}`)
  }
})

test('the map of the class token is its row without itself', async () => {
  const { map, values } = await looking()
  assert.deepEqual(map.shape, [B, 2, 3])
  const rows = [0, 1].flatMap((b) => Array.from(values.rollout.slice(b * N * N + 1, b * N * N + N)))
  assert.deepEqual(Array.from(values.map), rows)
})

test('where every token reads all alike, the rollout is even but for what each keeps of itself', async () => {
  const even: Tensor = constant(new Float32Array(heads * N * N).fill(1 / N), [1, heads, N, N])
  const { rollout } = await evaluate({ rollout: attentionRollout([even, even, even]) }, {})
  // (½ U + ½ I)³ = ⅞ U + ⅛ I, as U U = U.
  const want = Array.from({ length: N * N }, (_, i) => 7 / 8 / N + (i % (N + 1) === 0 ? 1 / 8 : 0))
  assertClose(rollout, want, 1e-6, 'rollout')
})

test('what is no attention of one set of tokens is refused in words', () => {
  assert.throws(() => attentionRollout([]), /attentionRollout: there must be weights \(got blocks 0\)/)
  assert.throws(() => attentionRollout([input('a', [1, 2, 3, 4])]), /attentionRollout: weights must be \[B, h, N, N\]/)
  assert.throws(() => classTokenMap(input('r', [1, 6, 6]), [2, 3]), /classTokenMap: there must be a class token/)
})
