import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stream } from 'tubelet'
import { readClip } from './clip-judge.ts'
import { croppedToSquare, drawMovingShape, paintClip } from './clips.ts'

const sizes = [
  { frames: 3, height: 16, width: 16 },
  { frames: 2, height: 12, width: 36 },
]

test('of painted clips the judge tells shape, colour, direction, and that the subject is whole', () => {
  for (const size of sizes)
    for (let sample = 0; sample < 60; sample++) {
      const scene = drawMovingShape(stream({ seed: 5, purpose: 'judged', sample }), size)
      const { shape, colour, direction, subject } = readClip(paintClip(scene, size).planes.pixels, size)
      assert.deepEqual([shape, colour, direction], [scene.shape, scene.colour, scene.direction])
      assert.equal(subject, 'whole')
    }
})

test('a subject that a crop cuts is told as partly there, one that it leaves out or that is faint as nowhere', () => {
  const size = { frames: 1, height: 12, width: 36 }
  const square = { frames: 1, height: 20, width: 20 }
  const at = (x: number) => {
    const scene = { shape: 'square', colour: 'red', direction: 'up', radius: 3, way: 0, x, y: 6 } as const
    return paintClip(croppedToSquare(scene, size, 20), square).planes.pixels
  }
  const subject = (pixels: Float32Array) => readClip(pixels, square).subject
  assert.equal(subject(at(18)), 'whole')
  assert.equal(subject(at(13)), 'partly') // the square in the middle sees columns 12 to 24
  assert.equal(subject(at(5)), 'nowhere')
  assert.equal(subject(at(18).map((value) => 0.3 * value)), 'nowhere')
})
