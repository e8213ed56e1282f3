import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCli, scratchFolder } from '../../test/cli.ts'
import { publishedClasses, publishedModel } from '../models/published.ts'
import type { ProfileRow } from '../runtime/trace.ts'
import { exampleInputs } from './profile-inputs.ts'

const folder = await scratchFolder()
const config = {
  _class_name: 'DiTTransformer2DModel',
  num_attention_heads: 2,
  attention_head_dim: 4,
  num_layers: 2,
  sample_size: 8,
  num_embeds_ada_norm: 3,
}
await mkdir(join(folder, 'tiny'))
await writeFile(join(folder, 'tiny', 'config.json'), JSON.stringify(config))

interface Part {
  name: string
  class: string
  parameters: number
  ms: number
  optimizerMs?: number
  peakBytes: number
  ops: ProfileRow[]
  modules: ProfileRow[]
  total: ProfileRow
}

async function profiled(...args: string[]): Promise<Part[]> {
  const { code, out, err } = await runCli(['profile', ...args, '--json', '--runs', '2'], { cwd: folder })
  assert.equal(code, 0, err)
  return JSON.parse(out).parts
}

const total = (rows: readonly ProfileRow[], of: 'flops' | 'ms' | 'bytes' | 'nodes') =>
  rows.reduce((sum, row) => sum + row[of], 0)

test('a profile of a model tells each op and module, and work grows with the batch', async () => {
  const [one] = await profiled('tiny')
  const [four] = await profiled('tiny', '--batch', '4')
  assert.deepEqual([one.name, one.class], ['tiny', 'DiTTransformer2DModel'])
  assert.ok(one.ms > 0 && one.peakBytes > 1e7 && one.optimizerMs === undefined)
  for (const of of ['flops', 'bytes', 'nodes'] as const) {
    assert.equal(total(one.ops, of), one.total[of])
    assert.equal(total(one.modules, of), one.total[of])
  }
  assert.equal(four.total.flops, 4 * one.total.flops)
  assert.ok(one.modules.some(({ name }) => name === 'transformer_blocks.1'))
  assert.equal(one.total.backwardMs, 0)
})

test('a training step has three times the products of a forward pass, less those for the input, and an update', async () => {
  const [forward] = await profiled('tiny')
  const [step] = await profiled('tiny', '--step')
  assert.ok(step.total.flops > 2.8 * forward.total.flops && step.total.flops < 3 * forward.total.flops)
  assert.ok(step.total.backwardMs > 0 && step.total.backwardMs < step.total.ms)
  assert.ok(step.optimizerMs! > 0)
})

test('an input may have another shape', async () => {
  const [small] = await profiled('tiny')
  const [large] = await profiled('tiny', '--shape', 'hidden_states=1x4x16x16')
  assert.ok(large.total.flops > 3 * small.total.flops)
})

test('a table for people names ops and modules', async () => {
  const { out } = await runCli(['profile', 'tiny', '--step', '--runs', '1', '--depth', '1'], { cwd: folder })
  assert.match(out, /^tiny \(DiTTransformer2DModel, [\d,]+ parameters\): [\d.]+ ms/)
  assert.match(out, /\nop +nodes +ms +% +gradient ms +GFLOP/)
  assert.match(out, /\ngemm +\d+/)
  assert.match(out, /\ntransformer_blocks +\d+/)
})

test('the step of a recipe is that of its loss, batch and optimizer', async () => {
  const recipe = `
    import { gemm, input, mean, square } from 'tubelet'
    export default { name: 'toy', summary: '', prepare: async () => ({
      name: 'toy', seed: 0, steps: 1, samples: 8, settings: {}, lr: () => 0.1,
      build(p) {
        const w = p.get('w', [16, 4], (shape, random) => random.normal(64))
        const b = p.get('b', [4], () => new Float32Array(4))
        return { loss: mean(square(gemm(input('x', [8, 16]), w, b))) }
      },
      batch: () => ({ x: new Float32Array(128) }),
      optimizer: { muon: (name) => name === 'w' },
    }) }`
  await writeFile(join(folder, 'toy.ts'), recipe)
  const [part] = await profiled('toy.ts', '--step')
  assert.deepEqual([part.name, part.parameters, part.total.flops], ['toy', 68, 2 * (2 * 8 * 16 * 4)])
  assert.ok(part.optimizerMs! > 0)
  await writeFile(join(folder, 'half.ts'), recipe.replace('optimizer:', "frozen: (name) => name === 'b', optimizer:"))
  const [half] = await profiled('half.ts', '--step')
  assert.ok(half.total.nodes < part.total.nodes) // no gradient of what does not learn
  await mkdir(join(folder, 'models', 'small'), { recursive: true })
  await writeFile(join(folder, 'models', 'small', 'config.json'), '{}')
  const named = recipe
    .replace('async () => ({', 'async ({ data, model }) => ({')
    .replace("name: 'toy', seed", "name: [data, model].join(' '), seed")
  await writeFile(join(folder, 'named.ts'), named)
  const [built] = await profiled('named.ts', '-m', 'small', '--data', 'a,b')
  assert.equal(built.class, `${join(folder, 'a')},${join(folder, 'b')} ${join(folder, 'models', 'small')}`)
  const { code, err } = await runCli(['profile', 'toy.ts', '--batch', '2'], { cwd: folder })
  assert.equal(code, 2)
  assert.match(err, /a recipe says itself what it trains/)
})

test('what cannot be profiled is refused with what would be right', async () => {
  const refused = async (args: string[], code: number, message: RegExp) => {
    const result = await runCli(['profile', ...args], { cwd: folder })
    assert.equal(result.code, code, result.err)
    assert.match(result.err, message)
  }
  await refused(['tiny', '--shape', 'x=1x2'], 2, /no input 'x'; it has hidden_states, timestep, class_labels/)
  await refused(['tiny', '--shape', 'timestep=a'], 2, /'timestep=a' must be written as timestep=1/)
  await refused(['tiny', '--part', 'vae'], 3, /no part vae that computes/)
  await refused(['nothing'], 3, /no model 'nothing'/)
  await refused(['tiny', '--runs', '0'], 2, /--runs/)
})

test('every published class has example inputs, which are its arguments', () => {
  for (const className of publishedClasses) {
    const navit = { image_size: 32, patch_size: 8, num_classes: 5, dim: 32, depth: 1, heads: 2, mlp_dim: 64 } // no defaults
    const json = { _class_name: className, ...(className === 'NaViT' && navit) }
    const { needs, takes, takesLike } = publishedModel(json)
    const names = Object.keys(exampleInputs(className, json, { batch: 2, shapes: [] }))
    assert.ok(names.length > 0, className)
    for (const name of needs) assert.ok(names.includes(name), `${className} ${name}`)
    for (const name of names)
      assert.ok([...needs, ...takes].includes(name) || takesLike?.names.test(name), `${className} ${name}`)
  }
})
