import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stream } from '../random.ts'
import { motionBatch, motionClasses } from './motion-batch.ts'

const shape = { count: 200, frames: 5, size: 24 }
const { pixels, labels } = motionBatch((sample) => stream({ seed: 1, purpose: 'clips', sample }), shape)
const { frames, size } = shape
const plane = size * size

/** Centre of what is not ground in a frame, in pixels. */
function centre(b: number, t: number): { x: number; y: number } {
  let [x, y, total] = [0, 0, 0]
  for (let i = 0; i < plane; i++) {
    const ink = [0, 1, 2].reduce((sum, c) => sum + Math.abs(pixels[((b * frames + t) * 3 + c) * plane + i]), 0)
    x += ink * (i % size)
    y += ink * Math.floor(i / size)
    total += ink
  }
  return { x: x / total, y: y / total }
}

const wayOf = (from: { x: number; y: number }, to: { x: number; y: number }) => {
  const [x, y] = [to.x - from.x, to.y - from.y]
  return Math.abs(x) > Math.abs(y) ? (x < 0 ? 'left' : 'right') : y < 0 ? 'up' : 'down'
}

test('the class of a clip is the order of the movements that are painted', () => {
  for (let b = 0; b < shape.count; b++) {
    const [first, corner, last] = [0, 2, 4].map((t) => centre(b, t))
    assert.equal(`${wayOf(first, corner)} ${wayOf(corner, last)}`, motionClasses[labels[b]])
  }
})

test('there are 12 classes, each as frequent as the others, and the ground is 0', () => {
  assert.equal(new Set(motionClasses).size, 12)
  const counts = motionClasses.map((_, k) => labels.filter((label) => label === k).length)
  // 200 / 12 = 16.7 with a deviation of 3.9
  assert.ok(Math.min(...counts) >= 4 && Math.max(...counts) <= 32, String(counts))
  assert.ok(pixels.filter((value) => value === 0).length > pixels.length / 2)
})

test('every class has another one that shows the same places backwards', () => {
  const back: Record<string, string> = { left: 'right', right: 'left', up: 'down', down: 'up' }
  for (const name of motionClasses) {
    const [first, second] = name.split(' ')
    const twin = `${back[second]} ${back[first]}`
    assert.ok(motionClasses.includes(twin) && twin !== name, name)
  }
})
