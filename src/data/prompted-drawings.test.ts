import assert from 'node:assert/strict'
import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { scratchFolder } from '../../test/cli.ts'
import { writeTinyData } from '../../test/tiny-data.ts'
import { readTar, type TarEntry, writeTar } from '../files/tar.ts'
import { type Dataset, readDataset } from './dataset.ts'
import { promptedDrawings } from './prompted-drawings.ts'

const root = await scratchFolder()
process.env.TUBELET_CACHE = join(root, 'cache')

/** Stills of toys in the place of the tiny data's things, with the thing as a tag: a *toy cat* is tagged *cat*. */
async function writeToys(folder: string): Promise<Dataset> {
  await writeTinyData(folder, { kind: 'still', frames: 1 })
  const dataset = await readDataset(folder)
  const [shard] = dataset.shards
  const entries: TarEntry[] = []
  for await (const { name, bytes } of readTar(join(folder, shard.file))) {
    if (!name.endsWith('.json')) entries.push({ name, bytes })
    else {
      const { en, zh, ...meta } = JSON.parse(new TextDecoder().decode(bytes))
      const toy = {
        en: { label: `toy ${en.label}`, tags: [en.label] },
        zh: { label: `玩具${zh.label}`, tags: [zh.label] },
      }
      entries.push({ name, bytes: new TextEncoder().encode(JSON.stringify({ ...meta, ...toy })) })
    }
  }
  const toys = { ...dataset, shards: [{ ...shard, ...(await writeTar(join(folder, shard.file), entries)) }] }
  await writeFile(join(folder, 'dataset.json'), JSON.stringify(toys))
  return toys
}

test('no prompt of a still is the name of a clip, which is a prompt of the still where no clip has it', async () => {
  const [stills, both] = ['stills', 'both'].map((name) => join(root, name))
  const toys = await writeToys(stills)
  await writeTinyData(both)
  const dataset = await readDataset(both)
  await copyFile(join(stills, toys.shards[0].file), join(both, toys.shards[0].file))
  await writeFile(
    join(both, 'dataset.json'),
    JSON.stringify({ ...dataset, shards: [...dataset.shards, ...toys.shards] }),
  )
  const toyless = async (data: string) => {
    const drawings = await promptedDrawings(data, { kind: 'still', variants: 0, promptsEach: 60 })
    drawings.close()
    return drawings.prompts.flat().filter((prompt) => !/toy|玩具/.test(prompt))
  }
  assert.ok((await toyless(stills)).length > 0)
  assert.deepEqual(await toyless(both), [])
})
