import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { figureName } from './figure-name.ts'

const results = new URL('../../results/', import.meta.url)
// Names of networks, processes and data, and words that the Chinese pages keep.
const kept =
  /Fréchet|ResNet|U-Net|SigLIP|adaLN-Zero|adaLN|in-context|sin-cos|sigmoid|logit|token|patch|rollout|nat|openmoji|twemoji|noto|fluent|flat|black|3d|log|ln|tubelet/g

test('every figure of the results has a Chinese name', async () => {
  const files = (await readdir(results)).filter((file) => file.endsWith('.json'))
  assert.ok(files.length > 0)
  for (const file of files) {
    const { figures } = JSON.parse(await readFile(new URL(file, results), 'utf8'))
    for (const name of Object.keys(figures))
      assert.doesNotMatch(figureName(name, 'zh').replaceAll(kept, ''), /[a-z]{2}/, `${file}: ${name}`)
  }
})

test('a phrase is told before those that it contains', () => {
  assert.equal(figureName('tokens used, packed in the order of arrival', 'zh'), '用到的 token，按到达顺序打包')
  assert.equal(figureName('f4: Fréchet distance of reconstructions', 'zh'), 'f4：重建的 Fréchet 距离')
  assert.equal(
    figureName('trained on long captions, asked in short: right pairs', 'zh'),
    '用长描述训练，以短描述提问：配对正确',
  )
})
