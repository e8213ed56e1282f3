import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { input, size, type Tensor, withScope } from '../graph/index.ts'
import { exp, gemm, mean, square } from '../ops/index.ts'
import { grad } from '../transform/grad.ts'
import { nodeRuntime } from './node.ts'
import { profileOf } from './trace.ts'

const [B, D] = [6, 4]
const layers = [0, 1].map((i) => ({ w: input(`w${i}`, [D, D]), b: input(`b${i}`, [D]) }))
const x = input('x', [B, D])
const y = layers.reduce((h, { w, b }, i) => withScope(`blocks.${i}.linear`, () => exp(gemm(h, w, b))), x)
const loss = mean(square(y))

async function traceOf(outputs: Record<string, Tensor>, runs: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tubelet-'))
  try {
    const program = await nodeRuntime().load(outputs, { profile: join(folder, 'trace') })
    const fed = Object.fromEntries(program.inputs.map(({ name, shape }) => [name, new Float32Array(size(shape))]))
    for (let i = 0; i < runs; i++) await program.run(fed)
    await program.release()
    const [file] = await readdir(folder)
    return await readFile(join(folder, file), 'utf8')
  } finally {
    await rm(folder, { recursive: true })
  }
}

test('a profile adds up nodes, floating-point operations and bytes by op and by module', async () => {
  const { ops, modules, total } = profileOf(await traceOf({ y }, 3), [y])
  const op = (name: string) => ops.find((row) => row.name === name)!
  assert.deepEqual([op('gemm').nodes, op('gemm').flops, op('gemm').bytes], [2, 2 * 2 * B * D * D, 2 * B * D * 4])
  assert.deepEqual([op('exp').nodes, op('exp').flops], [2, 0])
  assert.deepEqual(modules.map(({ name, nodes }) => [name, nodes]).sort(), [
    ['blocks.0.linear', 2],
    ['blocks.1.linear', 2],
  ])
  assert.ok(ops.every(({ ms, backwardMs }) => ms > 0 && backwardMs === 0))
  const sum = (rows: typeof ops) => rows.reduce((ms, row) => ms + row.ms, 0)
  for (const rows of [ops, modules]) assert.ok(Math.abs(sum(rows) - total.ms) < 1e-9)
  assert.equal(total.nodes, 4)
})

test('the gradient counts with its module, and its time is told apart', async () => {
  const outputs = { loss, ...Object.fromEntries(grad(loss, [layers[0].w, layers[1].w]).map((d, i) => [`d${i}`, d])) }
  const { modules, total } = profileOf(await traceOf(outputs, 2), Object.values(outputs), { depth: 1 })
  const [blocks] = modules.filter(({ name }) => name === 'blocks')
  const product = 2 * B * D * D
  assert.equal(blocks.flops, 2 * product + 3 * product) // forward; both weights and the input of the second layer
  assert.ok(blocks.backwardMs > 0 && blocks.backwardMs < blocks.ms)
  assert.ok(total.backwardMs >= blocks.backwardMs)
})

const event = (name: string, dur: number, cat = 'Node') => ({ cat, name, dur, args: { output_size: '8' } })

test('the time of a node is the median of its runs without the first', () => {
  const runs = [900, 3, 1, 2].map((dur) => event('m/exp/Exp.0_kernel_time', dur))
  const trace = JSON.stringify([event('model_run', 1e6, 'Session'), event('m/exp/Exp.0_fence_before', 5), ...runs])
  assert.equal(profileOf(trace, []).total.ms, 0.002)
  assert.equal(profileOf(JSON.stringify(runs.slice(0, 1)), []).total.ms, 0.9)
})

test('a text that is no trace is refused', () => {
  for (const text of ['', '{}', '[]', '[null, {"cat": "Node", "name": "a"}]'])
    assert.throws(() => profileOf(text, []), {
      code: 'input',
      message: 'the trace file holds no node of a program that ran',
    })
})
