import assert from 'node:assert/strict'
import { mkdtemp, open, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { NamedArrays } from './arrays.ts'
import { readSafetensors, readSafetensorsHeader, readWeights, writeSafetensors } from './checkpoint.ts'
import { toHalf } from './half.ts'

let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tubelet-checkpoint-'))
})
after(() => rm(folder, { recursive: true }))

const arrays: NamedArrays = {
  'block.weight': { data: Float32Array.of(0.1, -2, 3e-5, 4), shape: [2, 2] },
  ids: { data: Int32Array.of(7, -8), shape: [2] },
  mask: { data: Uint8Array.of(1, 0, 1), shape: [3] },
  ['__proto__']: { data: Float32Array.of(1), shape: [] },
}

test('arrays and metadata come back from disk; half precision rounds the floats only', async () => {
  const path = join(folder, 'a', 'w.safetensors')
  await writeSafetensors(path, arrays, { metadata: { step: '5' } })
  const back = await readSafetensors(path)
  assert.deepEqual(Object.entries(back.arrays).sort(), Object.entries(arrays).sort())
  assert.deepEqual(back.metadata, { format: 'pt', step: '5' })
  assert.deepEqual(await readdir(join(folder, 'a')), ['w.safetensors'])
  await writeSafetensors(path, arrays, { dtype: 'F16' })
  const half = await readSafetensors(path)
  assert.deepEqual(
    toHalf(half.arrays['block.weight'].data as Float32Array),
    toHalf(arrays['block.weight'].data as Float32Array),
  )
  assert.deepEqual(half.arrays.ids, arrays.ids)
})

test('the header alone tells names, types and shapes, also of a file whose weights could never be in memory', async (t) => {
  const path = join(folder, 'large.safetensors')
  const elements = 2 ** 36
  const json = JSON.stringify({ w: { dtype: 'F32', shape: [elements], data_offsets: [0, elements * 4] } })
  const file = await open(path, 'w')
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.length))
  await file.write(length)
  await file.write(json)
  await file.truncate(8 + json.length + elements * 4).catch(() => {})
  const { size } = await file.stat()
  await file.close()
  if (size < elements) return t.skip('this file system has no files with holes')
  const { tensors } = await readSafetensorsHeader(path)
  assert.deepEqual(tensors.get('w')!.shape, [elements])
  await rm(path)
})

test('a truncated file is refused with its name', async () => {
  const path = join(folder, 'cut.safetensors')
  await writeSafetensors(path, arrays)
  const { length } = await readFile(path)
  for (const size of [length - 1, 40, 8, 3, 0]) {
    await truncate(path, size)
    await assert.rejects(readSafetensors(path), {
      code: 'input',
      message: new RegExp(`^${path}: not a usable safetensors`),
    })
  }
  await assert.rejects(readSafetensors(join(folder, 'none')), { code: 'input', message: /no such file/ })
})

test('shards are read through their index, which cannot point out of its folder', async () => {
  const shards = join(folder, 'shards')
  await writeSafetensors(join(shards, 'model-1.safetensors'), { a: arrays.ids })
  await writeSafetensors(join(shards, 'model-2.safetensors'), { b: arrays.mask, extra: arrays.ids })
  const index = join(shards, 'model.safetensors.index.json')
  const write = (weight_map: unknown) => writeFile(index, JSON.stringify({ weight_map }))
  await write({ a: 'model-1.safetensors', b: 'model-2.safetensors' })
  assert.deepEqual((await readWeights(shards)).arrays, { a: arrays.ids, b: arrays.mask })
  await write({ a: '../model-1.safetensors' })
  await assert.rejects(readWeights(shards), {
    code: 'input',
    message: /'a' must name a .safetensors file of the same folder/,
  })
  await write({ c: 'model-1.safetensors' })
  await assert.rejects(readWeights(shards), {
    code: 'input',
    message: /'c' should be in model-1.safetensors and is not/,
  })
  await write(null)
  await assert.rejects(readWeights(shards), { code: 'input', message: /no 'weight_map'/ })
  await writeFile(index, '{')
  await assert.rejects(readWeights(shards), { code: 'input', message: /not valid JSON/ })
  await assert.rejects(readWeights(join(folder, 'a')), { code: 'input', message: /no model.safetensors or diff/ })
})
