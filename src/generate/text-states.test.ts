import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { scratchFolder } from '../../test/cli.ts'
import { assertClose } from '../../test/close.ts'
import { writeTinyModel } from '../../test/tiny-model.ts'
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

test('the states are those of the whole CLIP model, zero behind the end of the text', async () => {
  const { config: json, arrays } = await readPart(folder, 'text_encoder', 'CLIPModel')
  const config = clipConfig(json)
  const p = params()
  const { states } = clip(p, config).text(input('ids', [1, config.text.context], 'int32'))
  const program = await runtime.load({ states }, { constants: weightsFor(p, arrays) })
  const ids = encoder.tokenizer.encode('a red heart', encoder.length)
  const want = (await program.run({ ids })).states as Float32Array
  await program.release()
  const got = await encoder.states('a red heart')
  const end = (ids.indexOf(encoder.tokenizer.end) + 1) * encoder.width
  assert.ok(end > 3 * encoder.width && end < got.length)
  assertClose(got.subarray(0, end), want.subarray(0, end), 1e-6, 'states')
  assert.ok(got.subarray(end).every((value) => value === 0))
  assert.ok(want.subarray(end).some((value) => value !== 0))
})

test('the encoder says its sizes, and spaces and capitals do not matter', async () => {
  assert.deepEqual([encoder.length, encoder.width], [16, 16])
  assert.deepEqual(await encoder.states('  A  Red heart '), await encoder.states('a red heart'))
  assert.notDeepEqual(await encoder.states('a red car'), await encoder.states('a red heart'))
})

test('a text that is too long fills every state', async () => {
  const states = await encoder.states('跳动的红心'.repeat(1000))
  assert.ok(states.subarray(15 * 16).some((value) => value !== 0))
})

test('a tokenizer of another model is refused', async () => {
  const part = await readPart(folder, 'text_encoder', 'CLIPModel')
  const { tokenizer } = encoder
  await assert.rejects(textEncoderOf(part, { ...tokenizer, end: 7 }, runtime), /280 ends a text; .* and 7 ends one/)
  await assert.rejects(textEncoderOf(part, { ...tokenizer, size: 999 }, runtime), /reads 281 tokens .* has 999/)
})
