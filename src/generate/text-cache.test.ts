import assert from 'node:assert/strict'
import { readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { scratchFolder } from '../../test/cli.ts'
import { writeTinyModel } from '../../test/tiny-model.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { textEncoder } from './open-text-to-video.ts'
import { textCache } from './text-cache.ts'
import type { TextEncoder } from './text-states.ts'

const folder = await scratchFolder()
const prompts = ['a red heart', '', '跳动的红心', 'heart '.repeat(99), 'a red heart']
let encoder: TextEncoder
let encoded: string[] = []
before(async () => {
  const inner = await textEncoder(await writeTinyModel(join(folder, 'model')), nodeRuntime({ threads: 1 }))
  encoder = {
    ...inner,
    states(prompt) {
      encoded.push(prompt)
      return inner.states(prompt)
    },
  }
})
after(() => encoder.release())

const open = (list: readonly string[], { hash = 'h', at = 'cache' } = {}) => {
  encoded = []
  return textCache(list, { encoder, hash, cacheDir: join(folder, at) })
}

async function assertStates(cache: Awaited<ReturnType<typeof open>>) {
  for (const prompt of prompts) {
    const into = new Float32Array(encoder.length * encoder.width)
    cache.read(prompt, into)
    assert.deepEqual(into, await encoder.states(prompt), prompt)
  }
}

test('each prompt is encoded once, and read back as the encoder gave it', async () => {
  const cache = await open(prompts)
  assert.deepEqual(encoded.toSorted(), [...new Set(prompts)].sort())
  await assertStates(cache)
})

test('the second time nothing is encoded, whatever the order; other weights or prompts have their own file', async () => {
  await open(prompts)
  await assertStates(await open(prompts.toReversed()))
  encoded = encoded.slice(0, 0)
  await open(prompts.toReversed())
  assert.deepEqual(encoded, [])
  await open(prompts, { hash: 'other' })
  assert.equal(encoded.length, 4)
  await open([...prompts, 'clock'])
  assert.equal(encoded.length, 5)
})

test('a file that is damaged, or holds something else, is written again', async () => {
  await open(prompts, { at: 'damaged' })
  const [name] = await readdir(join(folder, 'damaged'))
  const file = join(folder, 'damaged', name)
  for (const damage of [() => truncate(file, 40), () => writeFile(file, 'no'), () => rm(file)]) {
    await damage()
    await assertStates(await open(prompts, { at: 'damaged' }))
  }
})

test('a file that is cut short while it is read is told', async () => {
  const cache = await open(prompts, { at: 'cut' })
  const [name] = await readdir(join(folder, 'cut'))
  await truncate(join(folder, 'cut', name), 40)
  assert.throws(() => cache.read('跳动的红心', new Float32Array(encoder.length * encoder.width)), {
    code: 'input',
    message: /\.text: ends within a prompt; remove it$/,
  })
})

test('a prompt that was not asked for at the beginning is an error', async () => {
  const cache = await open(prompts)
  assert.throws(() => cache.read('a dog', new Float32Array(256)), /does not hold the prompt 'a dog'/)
})
