import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { scratchFolder } from '../../test/cli.ts'
import { assertClose } from '../../test/close.ts'
import { writeTinyData } from '../../test/tiny-data.ts'
import { writeTinyModel } from '../../test/tiny-model.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { latentBatch, latentSet } from './latent-set.ts'

const root = await scratchFolder()
process.env.TUBELET_CACHE = join(root, 'cache')
const data = await writeTinyData(join(root, 'data'))
const model = join(root, 'model')
await writeTinyModel(model)
const runtime = nodeRuntime({ threads: 1 })
const set = await latentSet(data, { kind: 'clip', model, runtime, variants: 2, promptsEach: 5 })

/** Draws batches whose text states are the lengths of the prompts. */
function drawn({ step = 0, count = 64, frames = [0, 1, 2], dropout = 0.25, of = set } = {}) {
  const asked: string[] = []
  const read = (prompt: string, into: Float32Array) => {
    asked.push(prompt)
    into.fill(prompt.length)
  }
  const options = { name: 'a', count, frames, dropout, shift: 2, seed: 3, step }
  return { asked, batch: latentBatch(of, { ...options, text: { size: 2, read } }) }
}

test('a set holds every training drawing and its changed copies, with prompts that say what was changed', () => {
  assert.deepEqual([set.originals, set.latents.count, set.prompts.length], [4, 12, 12])
  assert.deepEqual([set.size, set.frames, set.fps], [32, 5, 10])
  assert.deepEqual(set.latents.shape, [4, 3, 2, 2])
  assert.ok(set.prompts.every((list) => list.length === 5))
  const plain = set.prompts.slice(0, 4).flat().join()
  assert.ok(!/two|small|mirrored|backwards|两个|小小的|左右翻转|倒放/.test(plain), plain)
  const changed = set.prompts.slice(4)
  const said =
    /two|small|mirrored|backwards|gr[ae]y|purple|green|pink|blue|yellow|orange|red|两个|小小的|左右翻转|倒放|色/
  assert.ok(
    changed.every((list) => list.every((prompt) => said.test(prompt))),
    changed.join(),
  )
})

test('a batch holds the chosen frames of drawings, each channel at mean 0 and deviation 1 of the statistics', () => {
  const { mean, std } = set.statistics
  const whole = drawn({ count: 30 }).batch['a.x0']
  const piece = drawn({ count: 30, frames: [0, 2] }).batch['a.x0']
  const every = Array.from({ length: 12 }, (_, i) => set.latents.latents(i))
  for (let b = 0; b < 30; b++) {
    const own = whole.subarray(b * 48, (b + 1) * 48)
    const raw = own.map((value, j) => value * std[Math.floor(j / 12)] + mean[Math.floor(j / 12)])
    const distance = (z: Float32Array) => Math.max(...z.map((value, j) => Math.abs(value - raw[j])))
    assert.ok(Math.min(...every.map(distance)) < 1e-5, `sample ${b} is no drawing of the set`)
    const kept = Float32Array.from(
      [0, 1, 2, 3].flatMap((c) => [...own.subarray(c * 12, c * 12 + 4), ...own.subarray(c * 12 + 8, c * 12 + 12)]),
    )
    assertClose(piece.subarray(b * 32, (b + 1) * 32), kept, 1e-7, `frames of sample ${b}`)
  }
})

test('prompts are dropped at the given rate, and every draw is a function of seed and step', () => {
  const { asked, batch } = drawn({ count: 400 })
  const dropped = asked.filter((prompt) => prompt === '').length / 400
  assert.ok(Math.abs(dropped - 0.25) < 0.08, `${dropped}`)
  assert.deepEqual(
    [...batch['a.text']],
    asked.flatMap((prompt) => [prompt.length, prompt.length]),
  )
  assert.ok(batch['a.t'].every((t) => t > 0 && t < 1))
  assert.deepEqual(drawn({ count: 400 }).batch, batch)
  assert.notDeepEqual(drawn({ count: 400, step: 1 }).batch['a.x0'], batch['a.x0'])
  assert.ok(drawn({ dropout: 0 }).asked.every((prompt) => prompt !== ''))
})

test('without changed copies only drawings as they are come up', async () => {
  const plain = await latentSet(data, { kind: 'clip', model, runtime, variants: 0, promptsEach: 1 })
  assert.equal(plain.latents.count, 4)
  const { asked } = drawn({ of: plain, dropout: 0 })
  assert.deepEqual([...new Set(asked)].sort(), [...new Set(plain.prompts.flat())].sort())
})
