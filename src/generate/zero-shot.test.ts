import assert from 'node:assert/strict'
import { test } from 'node:test'
import { zeroShotClasses } from './zero-shot.ts'

/** Points of length 1 that depend on the text. */
const points: Record<string, number[]> = {
  'a cat': [1, 0],
  'the cat': [0, 1],
  'a $& dog': [0.6, 0.8],
  'the $& dog': [0.6, 0.8],
}
const ofText = async (text: string) => Float32Array.from(points[text])

test('a class is the mean of its texts, at length 1; its name is taken as it is', async () => {
  const [cat, dog] = await zeroShotClasses(['cat', '$& dog'], { templates: ['a {}', 'the {}'], ofText })
  const close = (a: Float32Array, b: readonly number[]) => b.every((x, i) => Math.abs(a[i] - x) < 1e-6)
  assert.ok(close(cat, [Math.SQRT1_2, Math.SQRT1_2]))
  assert.ok(close(dog, [0.6, 0.8]))
})

test('without templates a class is its name alone', async () => {
  const asked: string[] = []
  const ofText = async (text: string) => Float32Array.of(1, asked.push(text))
  await zeroShotClasses(['cat', '红心'], { ofText })
  assert.deepEqual(asked, ['cat', '红心'])
})

test('no class, no template and a template without a place for the class are named', async () => {
  const wants = (message: string) => ({ name: 'TubeletError', code: 'usage', message })
  const none = wants('zero-shot: there must be a class and a template')
  await assert.rejects(zeroShotClasses([], { ofText }), none)
  await assert.rejects(zeroShotClasses(['cat'], { templates: [], ofText }), none)
  const blind = wants("zero-shot: the template 'a cat' has no {} for the name of the class")
  await assert.rejects(zeroShotClasses(['cat'], { templates: ['a cat'], ofText }), blind)
})
