import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { scratchFolder } from '../../test/cli.ts'
import { writeTinyData } from '../../test/tiny-data.ts'
import { loadClips } from './clips.ts'
import { drawings } from './drawing-set.ts'

const folder = await scratchFolder()
process.env.TUBELET_CACHE = join(folder, 'cache')

test('every sample of the data sets becomes a drawing with its words and its pixels', async () => {
  const [one, two] = [await writeTinyData(join(folder, 'one')), await writeTinyData(join(folder, 'two'), { frames: 3 })]
  const all = await drawings([one, two], {})
  assert.deepEqual(
    all.map(({ frames, size }) => [frames, size]),
    [...new Array(6).fill([5, 32]), ...new Array(6).fill([3, 32])],
  )
  const clips = await loadClips(one)
  assert.deepEqual(all[2].meta, clips.samples[2])
  assert.deepEqual(all[2].pixels(), clips.pixels(2))
  assert.equal(all[2].meta.en.label, 'cat')
  clips.close()
})

test('a split and a size may be asked for', async () => {
  const dir = await writeTinyData(join(folder, 'sizes'))
  const held = await drawings([dir], { split: 'held-out', size: 16 })
  assert.deepEqual(
    held.map(({ meta, size }) => [meta.split, size]),
    [
      ['held-out', 16],
      ['held-out', 16],
    ],
  )
  assert.equal(held[0].pixels().length, 5 * 16 * 16 * 4)
})

test('a folder that is no data set is named', async () => {
  await assert.rejects(drawings([join(folder, 'nothing')], {}), { code: 'input', message: /nothing\/dataset\.json/ })
})
