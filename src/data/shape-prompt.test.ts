import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stream } from '../random.ts'
import { captionShapes } from './shape-captions.ts'
import { expandShapes, readShapePrompt } from './shape-prompt.ts'
import { drawScene } from './shapes.ts'

const draw = (sample: number) => stream({ seed: 1, purpose: 'expand', sample })
const scenes = Array.from({ length: 100 }, (_, i) => drawScene(draw(i)))

for (const language of ['en', 'zh'] as const) {
  test(`a long caption is read as the scene that it tells: ${language}`, () => {
    for (const scene of scenes) {
      const groups = scene.map((group) => ({ ...group, count: group.cells.length }))
      assert.deepEqual(readShapePrompt(captionShapes(scene, language, 'long')), { language, groups })
    }
  })

  test(`an expanded prompt keeps count, colour and shape of the short one: ${language}`, () => {
    for (const [i, scene] of scenes.entries()) {
      const short = captionShapes(scene, language, 'short')
      const long = expandShapes(short, { random: draw(i) })
      assert.ok(long !== undefined, short)
      const told = readShapePrompt(long)!.groups.map(({ shape, colour, count, cells }) => {
        assert.equal(cells.length, count)
        return { shape, colour, count }
      })
      assert.deepEqual(
        told,
        scene.map(({ shape, colour, cells }) => ({ shape, colour, count: cells.length })),
      )
    }
  })

  test(`a long caption is complete, so it stays as it is: ${language}`, () => {
    for (const scene of scenes) {
      const caption = captionShapes(scene, language, 'long')
      assert.equal(expandShapes(caption, { random: draw(0) }), caption)
    }
  })
}

test('what a prompt says in part is kept, and what it leaves open is drawn anew', () => {
  const expanded = Array.from({ length: 60 }, (_, i) => expandShapes('two stars on the left', { random: draw(i) })!)
  for (const text of expanded)
    assert.match(text, /^Two (small|large) (red|orange|yellow|green|blue|purple) stars .*on the left/)
  assert.ok(new Set(expanded).size > 30)
  const inCorners = expandShapes('a red circle and a blue ring', { random: draw(1), cells: [0, 8] })!
  assert.match(inCorners, /top left.*bottom right|bottom right.*top left/)
})

test('a prompt with any other word is not read: nothing that was asked for is lost', () => {
  for (const prompt of [
    'a beating heart',
    'a red circle on a table',
    'a shiny red circle',
    '一个发光的红色圆形',
    'no red circle',
    '零个红色的圆形',
    '',
  ])
    assert.equal(readShapePrompt(prompt), undefined, prompt)
})

test('more shapes than places are refused', () => {
  assert.throws(() => expandShapes('nine circles and a star', { random: draw(0) }), {
    message: "expand: there are not as many places as shapes in 'nine circles and a star'",
  })
})
