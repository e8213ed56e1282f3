import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { scratchFolder } from '../../test/cli.ts'
import { writeTinyModel } from '../../test/tiny-model.ts'
import type { Clip } from '../files/clip.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { type AttentionMap, attentionMap } from './attention-map.ts'
import { readPart } from './model-folder.ts'

const folder = await scratchFolder()
let looking: AttentionMap
before(async () => {
  await writeTinyModel(join(folder, 'tiny'))
  const part = await readPart(join(folder, 'tiny'), 'text_encoder', 'CLIPModel')
  looking = await attentionMap(part, nodeRuntime({ threads: 1 }))
})
after(() => looking.release())

/** Two frames of 16 × 16: all white, and with a black square at the top left. */
function frames(): Clip {
  const bytes = new Uint8Array(2 * 16 * 16 * 4).fill(255)
  for (let y = 0; y < 8; y++)
    for (let x = 0; x < 8; x++) bytes.fill(0, 4 * (256 + 16 * y + x), 4 * (256 + 16 * y + x) + 3)
  return { frames: bytes, count: 2, width: 16, height: 16, fps: 10 }
}

test('the map has a share for each patch, and with the half that each block keeps of its own no more than 1', async () => {
  assert.deepEqual(looking.grid, [2, 2])
  const map = await looking.ofFrame(frames(), 0)
  assert.equal(map.length, 4)
  for (const share of map) assert.ok(share > 0)
  const sum = map.reduce((a, b) => a + b)
  assert.ok(sum < 0.5 && sum > 0, `${sum}`) // one block: half is the token's own, and it reads itself too
})

test('what is in a frame changes where the model looks, and the same frame gives the same map', async () => {
  const [white, black] = [await looking.ofFrame(frames(), 0), await looking.ofFrame(frames(), 1)]
  assert.notDeepEqual(black, white)
  assert.deepEqual(await looking.ofFrame(frames(), 1), black)
})
