import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clip } from '../files/clip.ts'
import { between, comingBefore, edited, fromPicture, goingOn } from './visual-prompt.ts'

/** Frames of one pixel, each with its number. */
const numbered = (count: number, from = 0): Clip => {
  const frames = Uint8Array.from({ length: 4 * count }, (_, i) => from + Math.floor(i / 4))
  return { frames, count, width: 1, height: 1, fps: 5 }
}
const numbers = ({ frames }: Clip) => [...frames].filter((_, i) => i % 4 === 0)
const marks = (given: readonly boolean[]) => given.map((one) => (one ? 'x' : '.')).join('')

test('a picture is the first frame, and nothing else is given', () => {
  const { clip, given } = fromPicture(numbered(1, 7), 9)
  assert.deepEqual(numbers(clip), new Array(9).fill(7))
  assert.equal(marks(given), 'x....')
})

test('a clip goes on from its last five frames, which stand at the front', () => {
  const { clip, given } = goingOn(numbered(17), 17)
  assert.deepEqual(numbers(clip).slice(0, 6), [12, 13, 14, 15, 16, 16])
  assert.equal(marks(given), 'xxx......')
})

test('what came before a clip ends in its first six frames', () => {
  const { clip, given } = comingBefore(numbered(17), 17)
  assert.deepEqual(numbers(clip).slice(-7), [0, 0, 1, 2, 3, 4, 5])
  assert.equal(marks(given), '......xxx')
})

test('between two clips the end of the first and the beginning of the second are given; of pictures one frame', () => {
  const { clip, given } = between(numbered(17), numbered(17, 100), 17)
  assert.deepEqual(numbers(clip), [12, 13, 14, 15, 16, 16, 16, 16, 16, 16, 16, 100, 101, 102, 103, 104, 105])
  assert.equal(marks(given), 'xxx...xxx')
  const pictures = between(numbered(1, 1), numbered(1, 2), 9)
  assert.deepEqual(numbers(pictures.clip), [1, 1, 1, 1, 1, 1, 1, 2, 2])
  assert.equal(marks(pictures.given), 'x...x')
})

test('an edit shows the whole clip at the wanted length and gives no frame', () => {
  const { clip, given, strength } = edited(numbered(4), 9, { strength: 0.6 })
  assert.deepEqual(numbers(clip), [0, 0, 0, 1, 1, 2, 2, 3, 3])
  assert.equal(marks(given), '.....')
  assert.equal(strength, 0.6)
})

test('the whole is what was given with what was drawn, each frame once', () => {
  const [clip, drawn] = [numbered(17), numbered(17, 100)]
  const upTo = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)
  assert.deepEqual(numbers(goingOn(clip, 17).whole(drawn)), [...upTo(0, 17), ...upTo(105, 117)])
  assert.deepEqual(numbers(comingBefore(clip, 17).whole(drawn)), [...upTo(100, 111), ...upTo(0, 17)])
  const next = numbered(17, 50)
  assert.deepEqual(numbers(between(clip, next, 17).whole(drawn)), [...upTo(0, 17), ...upTo(105, 111), ...upTo(50, 67)])
  assert.deepEqual(numbers(between(clip, clip, 17).whole(drawn)), [...upTo(0, 17), ...upTo(105, 111)])
  assert.equal(fromPicture(numbered(1), 17).whole(drawn), drawn)
  const picture = { ...numbered(1), fps: 0 }
  assert.equal(between(picture, picture, 17).whole(drawn).fps, 5)
})

test('what leaves nothing to draw, or no strength at all, is refused', () => {
  const usage = (message: RegExp) => ({ code: 'usage', message })
  assert.throws(() => fromPicture(numbered(1), 1), usage(/1 frames leave nothing to draw/))
  assert.throws(() => edited(numbered(1), 9, { strength: 0 }), usage(/above 0/))
  assert.throws(() => edited(numbered(1), 9, { strength: Number.NaN }), usage(/above 0/))
  assert.throws(() => between(numbered(1), { ...numbered(1), width: 2, height: 2 }, 9), usage(/same size/))
})
