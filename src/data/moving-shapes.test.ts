import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { assertClose } from '../../test/close.ts'
import { stream } from '../random.ts'
import { captionMovingScene, drawMovingScene, type MovingScene, paintMovingScene, positionAt } from './moving-shapes.ts'

const scene = (sample: number) => drawMovingScene(stream({ seed: 3, purpose: 'scene', sample }))
const [size, frames] = [120, 9]

/** Centre of what is painted in a frame, and how much that is, in pixels. */
function centre(bytes: Uint8Array, t: number) {
  let [x, y, area] = [0, 0, 0]
  for (let i = 0; i < size * size; i++) {
    const alpha = bytes[4 * (t * size * size + i) + 3] / 255
    x += alpha * ((i % size) + 0.5)
    y += alpha * (Math.floor(i / size) + 0.5)
    area += alpha
  }
  return { x: x / area, y: y / area, area }
}

test('the painted shape moves as its labels say and never leaves the picture', () => {
  fc.assert(
    fc.property(fc.nat(100_000).map(scene), (drawn) => {
      const bytes = paintMovingScene(drawn, { frames, size })
      const first = centre(bytes, 0)
      for (let t = 1; t < frames; t++) {
        const now = centre(bytes, t)
        const want = positionAt(drawn, t / (frames - 1))
        assertClose(
          [now.x - first.x, now.y - first.y],
          [(want.x - drawn.start.x) * size, (want.y - drawn.start.y) * size],
          0.15, // pixels
          `frame ${t}`,
        )
        assertClose([now.area / first.area], [1], 0.03, `area of frame ${t}`)
      }
    }),
    { numRuns: 30 },
  )
})

test('the second event comes after the first', () => {
  const events = [
    { direction: 'right', speed: 'fast' },
    { direction: 'up', speed: 'slow' },
  ] as const
  const drawn: MovingScene = { shape: 'star', colour: 'red', size: 'large', events, start: { x: 0.2, y: 0.6 } }
  const at = (time: number) => Object.values(positionAt(drawn, time))
  assertClose(at(0.25), [0.37, 0.6], 1e-9, 'within the first')
  assertClose(at(0.5), [0.54, 0.6], 1e-9, 'between')
  assertClose(at(1), [0.54, 0.48], 1e-9, 'at the end')
  assert.equal(captionMovingScene(drawn, 'en', 'short'), 'a red star moves to the right, then moves up')
  assert.equal(
    captionMovingScene(drawn, 'en', 'long'),
    'A large red star moves quickly to the right, then moves slowly up.',
  )
  assert.equal(captionMovingScene(drawn, 'zh', 'short'), '一个红色五角星先向右移动，再向上移动')
  assert.equal(captionMovingScene(drawn, 'zh', 'long'), '一个大的红色五角星先快速向右移动，再慢慢向上移动。')
})

test('an event never goes straight back, and both numbers of events come up', () => {
  const all = Array.from({ length: 400 }, (_, i) => scene(i).events)
  const back = { left: 'right', right: 'left', up: 'down', down: 'up' }
  for (const [first, second] of all) assert.notEqual(second?.direction, back[first.direction])
  const one = all.filter((events) => events.length === 1).length
  assert.ok(one > 150 && one < 250, `${one}`)
  assert.throws(() => drawMovingScene(stream({ seed: 0, purpose: 'scene' }), { events: 3 }), { code: 'usage' })
})
