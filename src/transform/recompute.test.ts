import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { generator } from '../../test/draw.ts'
import { evaluate } from '../../test/on-node.ts'
import { input, nodesOf, type Tensor, withBlock } from '../graph/index.ts'
import { add, chunk, concat, layerNorm, matmul, mul, silu, sum } from '../ops/index.ts'
import { grad } from './grad.ts'

const w = [0, 1, 2].map((i) => input(`w${i}`, [4, 8]))

/** Three gated layers, each within `block`; a layer reads what came before it, its own parts twice, and a split. */
function lossOf(block: <T>(build: () => T) => T): Tensor {
  let x = input('x', [5, 4])
  for (const weight of w) {
    const from = x
    x = block(() => {
      const [a, b] = chunk(matmul(layerNorm(from), weight), 2)
      const gated = mul(a, silu(b))
      return add(from, concat(chunk(add(gated, mul(gated, a)), 2).toReversed(), -1))
    })
  }
  return sum(mul(x, x))
}

test('recomputed blocks give the same gradients, to the last bit', async () => {
  const uniform = generator(1)
  const numbers = (length: number) => Float32Array.from({ length }, () => uniform() - 0.5)
  const feeds = { x: numbers(20), w0: numbers(32), w1: numbers(32), w2: numbers(32) }
  const named = (loss: Tensor) => ({ loss, ...Object.fromEntries(grad(loss, w).map((d, i) => [`d${i}`, d])) })
  const stored = await evaluate(named(lossOf((build) => build())), feeds)
  const again = await evaluate(named(lossOf(withBlock)), feeds)
  assert.deepEqual(again, stored)
  assert.notEqual(stored.d0[0], 0)
})

test('the backward pass of a block reads only what entered the block and what it computed again', () => {
  const loss = lossOf(withBlock)
  const forward = new Set(nodesOf([loss]))
  for (const node of nodesOf(grad(loss, w))) {
    if (forward.has(node)) continue
    for (const { node: read } of node.inputs) {
      const inside = read.block > 0 && forward.has(read)
      const users = [...forward].filter((other) => other.inputs.some((t) => t.node === read))
      const leaves = users.some((other) => other.block !== read.block)
      assert.ok(!inside || leaves, `${node.op.name} reads ${read.op.name} from inside block ${read.block}`)
    }
  }
})

test('recomputation lowers the peak memory of a stack of MLPs to less than half, as is foreseen to a quarter', async () => {
  const script = fileURLToPath(new URL('../../test/peak-memory.ts', import.meta.url))
  const peak = async (mode: string): Promise<{ measured: number; foreseen: number }> => {
    const args = ['--import', 'tsx', '--conditions=source', script, mode]
    return JSON.parse((await promisify(execFile)(process.execPath, args)).stdout)
  }
  const [stored, recomputed] = [await peak('stored'), await peak('recomputed')]
  assert.ok(recomputed.measured > 0 && recomputed.measured < 0.5 * stored.measured)
  for (const { measured, foreseen } of [stored, recomputed])
    assert.ok(Math.abs(foreseen / measured - 1) < 0.25, `${foreseen} foreseen, ${measured} measured`)
})
