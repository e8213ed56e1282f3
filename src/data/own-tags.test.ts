import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withOwnTags } from './own-tags.ts'

const sample = (en: string, tags: string[], zh: string, others: string[]) => ({
  ...{ en: { label: en, tags, group: 'people' }, zh: { label: zh, tags: others } },
  fps: 12,
})

test('a tag that is the name of another sample goes, in each language by itself; the rest stays', () => {
  const samples = [
    sample('woman', ['adult', 'woman'], '女人', ['成人']),
    sample('woman pouting', ['woman', 'pouting', '女人'], '生气的女人', ['女人', '撅嘴']),
  ]
  assert.deepEqual(withOwnTags(samples, samples), [
    samples[0],
    sample('woman pouting', ['pouting', '女人'], '生气的女人', ['撅嘴']),
  ])
})

test('names of others that are learnt from count too: a hot dog is no dog where another sample is one', () => {
  const still = sample('hot dog', ['dog', 'sausage'], '热狗', ['狗'])
  const clip = sample('dog', ['pet'], '狗', ['宠物'])
  assert.deepEqual(withOwnTags([still], [still, clip]), [sample('hot dog', ['sausage'], '热狗', [])])
})
