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
const set = await latentSet(data, { kind: 'clip', model, runtime, variants: 2, promptsEach: 5, promptsOfCopy: 4 })

/** Draws batches whose text states are the lengths of the prompts. */
function drawn({ step = 0, count = 64, frames = [0, 1, 2], dropout = 0.25, changed = 0.2, of = set, given = {} } = {}) {
  const asked: string[] = []
  const read = (prompt: string, into: Float32Array) => {
    asked.push(prompt)
    into.fill(prompt.length)
  }
  const options = { name: 'a', count, frames, changed, dropout, shift: 2, seed: 3, step, ...given }
  return { asked, batch: latentBatch(of, { ...options, text: { size: 2, read } }) }
}

test('a set holds every training drawing and its changed copies, with prompts that say what was changed', () => {
  assert.deepEqual([set.originals, set.latents.count, set.prompts.length], [4, 12, 12])
  assert.deepEqual([set.size, set.frames, set.fps], [32, 5, 10])
  assert.deepEqual(set.labels.slice(0, 2), [
    ['red heart', '红心'],
    ['blue bird', '蓝鸟'],
  ])
  for (let i = 0; i < 4; i++) assert.equal(set.prompts[i][1], set.labels[i][0]) // every second is a label
  assert.deepEqual(set.latents.shape, [4, 3, 2, 2])
  const ways = (i: number) => (i < 4 ? 5 : 4)
  // One way more, misspelt, where a word of the first is long enough.
  set.prompts.forEach((list, i) => {
    assert.equal(list.length, ways(i) + (/[a-z]{5}/i.test(list[0]) ? 1 : 0), list.join())
  })
  const spelt = set.prompts.map((list, i) => list.slice(0, ways(i)))
  for (const word of set.words) assert.ok(spelt.join().toLowerCase().includes(word), word)
  const plain = spelt.slice(0, 4).flat().join()
  assert.ok(!/two|small|mirrored|backwards|两|小小的|左右翻转|倒放/.test(plain), plain)
  const changed = spelt.slice(4)
  const said =
    /two|small|mirrored|backwards|gr[ae]y|purple|green|pink|blue|yellow|orange|red|两|小小的|左右翻转|倒放|色/
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

test('a still that is held has the latent of its picture first, and one of a frame that follows', async () => {
  const pictures = await writeTinyData(join(root, 'pictures'), { kind: 'still', frames: 1 })
  const stills = { kind: 'still', model, runtime, variants: 0, promptsEach: 1 } as const
  const [once, held] = [await latentSet(pictures, stills), await latentSet(pictures, { ...stills, hold: 3 })]
  assert.deepEqual([once.frames, held.frames], [1, 3])
  const [[C, , H, W], plane] = [once.latents.shape, once.latents.shape[2] * once.latents.shape[3]]
  assert.deepEqual(
    [once.latents.shape, held.latents.shape],
    [
      [C, 1, H, W],
      [C, 2, H, W],
    ],
  )
  for (let i = 0; i < once.latents.count; i++) {
    const [picture, clip] = [once.latents.latents(i), held.latents.latents(i)]
    const first = Float32Array.from(picture, (_, j) => clip[Math.floor(j / plane) * 2 * plane + (j % plane)])
    assertClose(first, picture, 1e-5, `picture ${i}`)
  }
})

test('changed copies come up at the given rate', () => {
  const plain = new Set(set.prompts.slice(0, 4).flat())
  for (const changed of [0, 0.5]) {
    const { asked } = drawn({ count: 400, changed, dropout: 0 })
    const part = asked.filter((prompt) => !plain.has(prompt)).length / 400
    assert.ok(changed === 0 ? part === 0 : Math.abs(part - changed) < 0.08, `${part}`)
  }
})

test('without changed copies only drawings as they are come up', async () => {
  const plain = await latentSet(data, { kind: 'clip', model, runtime, variants: 0, promptsEach: 1 })
  assert.equal(plain.latents.count, 4)
  const { asked } = drawn({ of: plain, dropout: 0 })
  assert.deepEqual([...new Set(asked)].sort(), [...new Set(plain.prompts.flat())].sort())
})

test('the less a clip moves, the more its motion counts, from 1 to 10', () => {
  const { batch } = drawn({ count: 40, dropout: 0 })
  const moving = (b: number) => {
    const own = batch['a.x0'].subarray(b * 48, (b + 1) * 48)
    let sum = 0
    for (let c = 0; c < 4; c++)
      for (let j = 0; j < 4; j++) {
        const over = [0, 1, 2].map((t) => own[c * 12 + t * 4 + j] * set.statistics.std[c])
        const mean = over.reduce((a, b) => a + b) / 3
        sum += over.reduce((total, value) => total + (value - mean) ** 2, 0)
      }
    return sum
  }
  const all = set.statistics.std.reduce((sum, std) => sum + std ** 2, 0) * 12
  for (let b = 0; b < 40; b++) {
    const want = Math.min(10, Math.max(1, (0.3 * all) / moving(b)))
    assert.ok(Math.abs(batch['a.motion'][b] - want) < 1e-3 * want, `sample ${b}: ${batch['a.motion'][b]}, not ${want}`)
  }
})

test('some frames of a part of the samples are given, never all, and the others keep the time of the sample', () => {
  const { batch } = drawn({ count: 400, given: { given: 0.4 } })
  const { batch: none } = drawn({ count: 400 })
  const kinds = new Map<string, number>()
  for (let b = 0; b < 400; b++) {
    const own = [...batch['a.t'].subarray(b * 3, (b + 1) * 3)]
    assert.ok(own.every((t) => t === 0 || t === none['a.t'][b]) && own.some((t) => t > 0), `${own}`)
    const kind = own.map((t) => (t === 0 ? 'x' : '.')).join('')
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
  }
  assert.deepEqual([...kinds.keys()].sort(), ['...', '..x', '.x.', '.xx', 'x..', 'x.x', 'xx.'])
  assert.ok(Math.abs(1 - kinds.get('...')! / 400 - 0.4) < 0.08, `${kinds.get('...')}`)
  assert.deepEqual(batch['a.x0'], none['a.x0'])
})
