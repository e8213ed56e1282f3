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

test('a clip that is drawn anew keeps its length, frame by frame, and its speed', async () => {
  const source = clip(34, 68) // half a second
  source.frames.forEach((_, i) => {
    source.frames[i] = Math.floor(i / 16)
  })
  for (const asked of [{ strength: 0.5 }, { mask: clip(1, 0) }]) {
    const prompt = await promptFor({ image: source, ...asked })
    const shown = Array.from({ length: 17 }, (_, t) => prompt.clip.frames[16 * t])
    assert.deepEqual(
      shown,
      Array.from({ length: 17 }, (_, t) => 2 * t),
    )
    assert.ok(Math.abs(prompt.whole(drawn).fps - 34) < 1e-9)
  }
  const brief = await promptFor({ image: clip(17, 1000), strength: 0.5 })
  assert.equal(brief.whole(drawn).fps, 50, 'no faster than browsers show')
  assert.equal((await promptFor({ image: clip(1, 0), strength: 0.5 })).whole(drawn).fps, 12)
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
