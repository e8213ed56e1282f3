import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clip } from '../files/clip.ts'
import { type AskedVisual, visualPromptFor } from './asked-visual.ts'

const model = { width: 2, height: 2, frames: 17, fps: 12 }
const clip = (count: number, fps: number): Clip => ({
  ...{ frames: new Uint8Array(16 * count).fill(255), count, width: 2, height: 2, fps },
})
const drawn = clip(17, 12)
const promptFor = (asked: AskedVisual<Clip>) => visualPromptFor(asked, model, async (picture) => picture)

test('the whole plays at the speed of the model, whatever clips and pictures say of theirs', async () => {
  const asked: Record<string, AskedVisual<Clip>> = {
    'a clip of a tenth of a second, which is two frames': { extend: clip(3, 30) },
    'a clip of 1.08 seconds, of which thirteen frames are taken': { loop: clip(27, 25) },
    'pictures of files that say a speed': { between: [clip(1, 50), clip(1, 100)] },
  }
  for (const [what, one] of Object.entries(asked)) assert.equal((await promptFor(one)).whole(drawn).fps, 12, what)
})

test('a mask is one picture: a clip in its place is refused', async () => {
  const { mask } = await promptFor({ image: clip(1, 0), mask: clip(1, 0) })
  assert.deepEqual([...mask!], [255, 255, 255, 255])
  await assert.rejects(promptFor({ image: clip(1, 0), mask: clip(3, 10) }), {
    code: 'input',
    message: 'the picture: has 3 frames; a mask has one',
  })
  const named = visualPromptFor({ image: 'a', mask: 'b.gif' }, model, async (name) => clip(name === 'a' ? 1 : 2, 10))
  await assert.rejects(named, { message: 'b.gif: has 2 frames; a mask has one' })
})
