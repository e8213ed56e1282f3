import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Drawing } from './caption-batch.ts'
import { drawingClasses } from './drawing-classes.ts'

/** A drawing of which only the metadata matters. */
const drawing = (
  codePoint: string,
  style: string,
  { group, split = 'train' }: { group?: string; split?: string } = {},
) => ({ meta: { codePoint, style, group, split, en: { label: `the ${codePoint}` } } }) as unknown as Drawing

const told = (list: readonly { drawing: Drawing; label: number }[]) =>
  list.map((one) => `${one.drawing.meta.codePoint} ${one.drawing.meta.style} ${one.label}`)

test('in several styles the class is the concept and the last style is held out', () => {
  const { names, heldOutBy, train, heldOut } = drawingClasses([
    drawing('fox', 'flat'),
    drawing('cat', 'flat'),
    drawing('cat', 'twemoji'),
    drawing('fox', 'noto'),
    drawing('owl', 'noto'), // which no other style has
  ])
  assert.deepEqual(names, ['the cat', 'the fox'])
  assert.equal(heldOutBy, 'style')
  assert.deepEqual(told(train), ['fox flat 1', 'cat flat 0', 'cat twemoji 0'])
  assert.deepEqual(told(heldOut), ['fox noto 1'])
})

test('in one style the class is the group and held-out concepts are asked for', () => {
  const animal = { group: 'animals' }
  const { names, heldOutBy, train, heldOut } = drawingClasses([
    drawing('fox', 'fluent', animal),
    drawing('car', 'fluent', { group: 'travel' }),
    drawing('hand', 'fluent'), // of no group
    drawing('owl', 'fluent', { ...animal, split: 'held-out' }),
    drawing('flag', 'fluent', { group: 'flags', split: 'held-out' }), // a group that training does not show
  ])
  assert.deepEqual([names, heldOutBy], [['animals', 'travel'], 'concept'])
  assert.deepEqual([told(train), told(heldOut)], [['fox fluent 0', 'car fluent 1'], ['owl fluent 0']])
})

test('drawings that ask no question are refused in words', () => {
  assert.throws(() => drawingClasses([drawing('fox', 'fluent'), drawing('cat', 'fluent')]), {
    code: 'input',
    message: /^the drawings have 0 classes, and 0 of them are held out; give several styles, or one with groups$/,
  })
})
