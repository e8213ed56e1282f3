import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { after, test } from 'node:test'
import { scratchFolder } from '../../test/cli.ts'
import { shipped } from './shipped.ts'

const before = process.cwd()
const folder = await scratchFolder()
process.chdir(folder)
after(() => process.chdir(before))

test('what comes with the package is found from any folder, what is in that folder first', async () => {
  const found = shipped('models/emoji-video')
  assert.ok(isAbsolute(found) && existsSync(join(found, 'model_index.json')))
  await mkdir(join(folder, 'models', 'emoji-video'), { recursive: true })
  assert.equal(shipped('models/emoji-video'), 'models/emoji-video')
  assert.equal(shipped('models/none'), 'models/none')
  assert.equal(shipped('/nowhere'), '/nowhere')
})
