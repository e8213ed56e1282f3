import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { scratchFolder } from '../../test/cli.ts'
import { assertClose } from '../../test/close.ts'
import { writeTinyModel } from '../../test/tiny-model.ts'
import { dataOf } from '../files/arrays.ts'
import { input } from '../graph/index.ts'
import { clip, clipConfig } from '../models/clip.ts'
import { params } from '../nn/index.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { readPart } from './model-folder.ts'
import { textEncoder } from './open-text-to-video.ts'
import { type TextEncoder, textEncoderOf } from './text-states.ts'
import { weightsFor } from './weights.ts'

const runtime = nodeRuntime({ threads: 1 })
const folder = join(await scratchFolder(), 'model')
let encoder: TextEncoder
before(async () => {
  encoder = await textEncoder(await writeTinyModel(folder), runtime)
})
after(() => encoder.release())

test('the states are those of the whole CLIP model beside the normalised embeddings, zero behind the end of the text', async () => {
  const { config: json, arrays } = await readPart(folder, 'text_encoder', 'CLIPModel')
  const config = clipConfig(json)
  const p = params()
  const { context, width } = config.text
  const { states } = clip(p, config).text(input('ids', [1, context], 'int32'))
  const program = await runtime.load({ states }, { constants: weightsFor(p, arrays) })
  const ids = encoder.tokenizer.encode('a red heart', encoder.length)
  const want = (await program.run({ ids })).states as Float32Array
  await program.release()
  const got = await encoder.states('a red heart')
  const end = ids.indexOf(encoder.tokenizer.end) + 1
  assert.ok(end > 3 && end < context)
  const table = dataOf(arrays)['text_model.embeddings.token_embedding.weight'] as Float32Array
  for (let i = 0; i < end; i++) {
    const token = got.subarray(i * 2 * width, (i + 1) * 2 * width)
    assertClose(token.subarray(0, width), want.subarray(i * width, (i + 1) * width), 1e-6, `state ${i}`)
    const embedding = [...table.subarray(ids[i] * width, (ids[i] + 1) * width)]
    const mean = embedding.reduce((a, b) => a + b) / width
    const variance = embedding.reduce((sum, value) => sum + (value - mean) ** 2, 0) / width
    const normalised = embedding.map((value) => (value - mean) / Math.sqrt(variance + 1e-5))
    assertClose(token.subarray(width), normalised, 1e-5, `embedding ${i}`)
  }
  assert.ok(got.subarray(end * 2 * width).every((value) => value === 0))
  assert.ok(want.subarray(end * width).some((value) => value !== 0))
})

test('the encoder says its sizes, and spaces and capitals do not matter', async () => {
  assert.deepEqual([encoder.length, encoder.width], [16, 32])
  assert.deepEqual(await encoder.states('  A  Red heart '), await encoder.states('a red heart'))
  assert.notDeepEqual(await encoder.states('a red car'), await encoder.states('a red heart'))
})

test('a text that is too long fills every state', async () => {
  const states = await encoder.states('跳动的红心'.repeat(1000))
  assert.ok(states.subarray(15 * 32).some((value) => value !== 0))
})

test('a tokenizer of another model is refused', async () => {
  const part = await readPart(folder, 'text_encoder', 'CLIPModel')
  const { tokenizer } = encoder
  await assert.rejects(textEncoderOf(part, { ...tokenizer, end: 7 }, runtime), /280 ends a text; .* and 7 ends one/)
  await assert.rejects(textEncoderOf(part, { ...tokenizer, size: 999 }, runtime), /reads 281 tokens .* has 999/)
})
