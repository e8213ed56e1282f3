import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stream } from '../random.ts'
import { byConcept, composited, type Drawing, drawPrompt } from './caption-batch.ts'
import type { SampleMeta } from './dataset.ts'

const drawing = (codePoint: string, style: SampleMeta['style']): Drawing => ({
  meta: {
    ...{ codePoint, emoji: '?', en: { label: 'bird', tags: [] }, zh: { label: '鸟', tags: [] }, kind: 'still', style },
    ...{ split: 'train', width: 1, height: 1, frames: 1, fps: 0, sourceFrames: 1, sourceFps: 0, durationMs: 0 },
  },
  ...{ frames: 1, size: 1, pixels: () => new Uint8Array(4) },
})

test('drawings of one concept come together, in an order that does not depend on theirs', () => {
  const list = [drawing('1f600', 'flat'), drawing('1f427', 'noto'), drawing('1f600', 'fluent'), drawing('1f427', '3d')]
  const names = (groups: Drawing[][]) =>
    groups.map((group) => group.map(({ meta }) => `${meta.codePoint} ${meta.style}`))
  assert.deepEqual(names(byConcept(list)), [
    ['1f427 noto', '1f427 3d'],
    ['1f600 flat', '1f600 fluent'],
  ])
  const keys = (groups: Drawing[][]) => groups.map(([{ meta }]) => meta.codePoint)
  assert.deepEqual(keys(byConcept(list.toReversed())), keys(byConcept(list)))
  assert.deepEqual(byConcept([]), [])
})

test('where there are words in one language alone, every prompt is in it, and as it is written', () => {
  const caption = { label: 'A photo of my red cat.', tags: [], verbatim: true as const }
  const mine = { meta: { ...drawing('1', undefined).meta, en: caption, zh: caption, language: 'en' as const } }
  const blue = { hue: 215, en: 'blue', zh: '蓝色' }
  for (let sample = 0; sample < 40; sample++) {
    const random = () => stream({ seed: 3, purpose: 'own', sample })
    assert.equal(drawPrompt(mine, random()), 'A photo of my red cat.')
    const changed = drawPrompt(mine, random(), { colour: blue, two: true, reversed: true })
    assert.equal(changed, 'A photo of my cat, blue, two of them, backwards')
  }
})

test('prompts come in both languages, and the same stream gives the same prompt', () => {
  const ask = (sample: number) => drawPrompt(drawing('1f427', 'flat'), stream({ seed: 3, purpose: 'p', sample }))
  const prompts = Array.from({ length: 200 }, (_, sample) => ask(sample))
  const chinese = prompts.filter((prompt) => prompt.includes('鸟'))
  const english = prompts.filter((prompt) => prompt.includes('bird'))
  assert.equal(chinese.length + english.length, 200)
  assert.ok(chinese.length > 70 && english.length > 70)
  assert.deepEqual(
    prompts.map((_, sample) => ask(sample)),
    prompts,
  )
})

test('a frame lies on its background as its alpha says, in planes from −1 to 1', () => {
  const out = new Float32Array(3 * 4)
  const bytes = Uint8Array.of(255, 0, 100, 255, 255, 0, 100, 0, 200, 40, 0, 51, 7, 8, 9, 0)
  composited(bytes, [255, 127.5, 0], out)
  const want = (v: number) => Math.fround(v / 127.5 - 1)
  const [red, green, blue] = [0, 1, 2].map((c) => [...out.subarray(4 * c, 4 * c + 4)])
  assert.deepEqual([red[0], green[0], blue[0]], [1, -1, want(100)])
  assert.deepEqual([red[1], green[1], blue[1]], [1, 0, -1])
  const mixed = [200 * 0.2 + 255 * 0.8, 40 * 0.2 + 127.5 * 0.8, 0]
  for (const [c, value] of mixed.entries()) assert.ok(Math.abs(out[4 * c + 2] - (value / 127.5 - 1)) < 1e-6)
  assert.deepEqual([red[3], green[3], blue[3]], [1, 0, -1])
})
