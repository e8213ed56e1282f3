import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stream } from '../random.ts'
import { lookAt } from './look.ts'

const side = 32

/** A red square in the middle. */
const square = Uint8Array.from({ length: side * side * 4 }, (_, i) => {
  const [x, y, c] = [(i >> 2) % side, (i >> 2) >> 5, i % 4]
  return x >= 8 && x < 24 && y >= 8 && y < 24 && (c === 0 || c === 3) ? 255 : 0
})

function seen(sample: number) {
  const out = new Float32Array(3 * side * side)
  lookAt(square, { side, random: stream({ seed: 1, purpose: 'look', sample }) }, out)
  const red = [...Array(side * side).keys()].filter((i) => out[i] === 1 && out[side * side + i] === -1)
  return { out, red }
}

test('a drawing is seen whole, a little larger or smaller and beside its place, on a light ground', () => {
  const sizes = Array.from({ length: 40 }, (_, sample) => {
    const { out, red } = seen(sample)
    const ground = [0, 1, 2].map((c) => out[c * side * side])
    assert.ok(
      ground.every((value) => value >= 155 / 127.5 - 1 - 1e-6 && value <= 1),
      `${ground}`,
    )
    assert.ok(out.every((value) => Math.abs(value) <= 1))
    const width = Math.max(...red.map((i) => i % side)) - Math.min(...red.map((i) => i % side)) + 1
    assert.ok(width >= 12 && width <= 20, `${width}`)
    assert.equal(red.length % width, 0) // whole: all rows are as wide
    return width
  })
  assert.ok(new Set(sizes).size > 4)
  assert.ok(new Set(Array.from({ length: 40 }, (_, sample) => seen(sample).red[0])).size > 10)
})

test('the same numbers give the same look', () => {
  assert.deepEqual(seen(3), seen(3))
  assert.notDeepEqual(seen(3).out, seen(4).out)
})
