import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
import { generator } from '../../test/draw.ts'
import { type ClipSet, clipBatch, epochOrder, premultiplied } from './clip-batch.ts'

const [size, frames] = [6, 4]
const plane = size * size
const clips = [1, 2, 3].map((seed) => {
  const uniform = generator(seed)
  return Uint8Array.from({ length: frames * plane * 4 }, () => 256 * uniform())
})
const set: ClipSet = { count: 3, frames, size, pixels: (index) => clips[index] }
const at = { seed: 5, step: 2 }

/** The value that a batch should hold for a clip, frame, channel and place. */
function value(index: number, [t, c, y, x]: readonly number[]): number {
  const from = 4 * ((t * size + y) * size + x)
  const bytes = clips[index]
  const alpha = bytes[from + 3] / 255
  return 2 * (c === 3 ? alpha : (bytes[from + c] / 255) * alpha) - 1
}

/** All values of a clip, each from where `place` says. */
function clip(index: number, place: (at: readonly number[]) => readonly number[] = (p) => p): Float32Array {
  return Float32Array.from({ length: frames * 4 * plane }, (_, i) => {
    const here = [Math.floor(i / plane / 4), Math.floor(i / plane) % 4, Math.floor(i / size) % size, i % size]
    return value(index, place(here))
  })
}

test('a batch holds premultiplied planes in [−1, 1], clip after clip', () => {
  const batch = clipBatch(set, [2, 0], at)
  assertClose(batch, [...clip(2), ...clip(0)], 1e-6, 'batch')
})

test('each change is drawn for each sample and step, and is what its name says', () => {
  assertClose(
    clipBatch(set, [1], { ...at, mirror: 1 }),
    clip(1, ([t, c, y, x]) => [t, c, y, size - 1 - x]),
    1e-6,
    'mirror',
  )
  assertClose(
    clipBatch(set, [1], { ...at, reverse: 1 }),
    clip(1, ([t, ...rest]) => [(4 - t) % 4, ...rest]),
    1e-6,
    'reverse',
  )
  const starts = Array.from({ length: 40 }, (_, step) => {
    const batch = clipBatch(set, [1], { seed: 5, step, phase: true })
    const begin = [0, 1, 2, 3].find((s) => Math.abs(batch[0] - value(1, [s, 0, 0, 0])) < 1e-6)!
    assertClose(
      batch,
      clip(1, ([t, ...rest]) => [(t + begin) % 4, ...rest]),
      1e-6,
      'phase',
    )
    return begin
  })
  assert.equal(new Set(starts).size, 4)
})

test('recolouring only changes the places of red, green and blue', () => {
  const seen = new Set<string>()
  for (let step = 0; step < 60; step++) {
    const batch = clipBatch(set, [0], { seed: 5, step, recolour: 1 })
    const source = [0, 1, 2].map(
      (c) => [0, 1, 2].find((from) => Math.abs(batch[c * plane] - value(0, [0, from, 0, 0])) < 1e-6)!,
    )
    seen.add(source.join(''))
    assertClose(
      batch,
      clip(0, ([t, c, ...rest]) => [t, c < 3 ? source[c] : c, ...rest]),
      1e-6,
      'recolour',
    )
  }
  assert.deepEqual([...seen].sort(), ['021', '102', '120', '201', '210']) // never as it was
})

test('a shift moves the picture and leaves nothing behind', () => {
  const seen = new Set<string>()
  for (let step = 0; step < 80; step++) {
    const batch = clipBatch(set, [0], { seed: 5, step, shift: 1 })
    const fits = [-1, 0, 1]
      .flatMap((dy) => [-1, 0, 1].map((dx) => [dy, dx]))
      .filter(([dy, dx]) => {
        const want = Float32Array.from({ length: frames * 4 * plane }, (_, i) => {
          const [t, c, y, x] = [
            Math.floor(i / plane / 4),
            Math.floor(i / plane) % 4,
            Math.floor(i / size) % size,
            i % size,
          ]
          const [v, u] = [y - dy, x - dx]
          return v < 0 || u < 0 || v >= size || u >= size ? -1 : value(0, [t, c, v, u])
        })
        return want.every((w, i) => Math.abs(w - batch[i]) < 1e-6)
      })
    assert.equal(fits.length, 1)
    seen.add(fits[0].join())
  }
  assert.equal(seen.size, 9)
})

test('a piece of a clip goes on over the end of the loop, and is never longer than the clip', () => {
  const whole = clipBatch(set, [1], { ...at, phase: true })
  const piece = clipBatch(set, [1, 2], { ...at, phase: true, length: 3 })
  assert.equal(piece.length, 2 * 3 * 4 * plane)
  assert.deepEqual(piece.subarray(0, 3 * 4 * plane), whole.subarray(0, 3 * 4 * plane))
  assert.throws(() => clipBatch(set, [1], { ...at, length: 5 }), { message: /length 5 is more than the 4 frames/ })
})

test('a batch is a function of seed and step: the same twice, another one at another step', () => {
  const changes = { mirror: 0.5, phase: true, reverse: 0.5, recolour: 0.5, shift: 2 }
  const batch = (step: number) => clipBatch(set, [0, 1, 2], { ...changes, seed: 1, step })
  assert.deepEqual(batch(3), batch(3))
  assert.notDeepEqual(batch(3), batch(4))
})

test('every epoch holds each clip once, in an order of its own, wherever batches begin', () => {
  const order = epochOrder(10, 4, { seed: 1, purpose: 'x' })
  const steps = Array.from({ length: 10 }, (_, step) => order(step)).flat()
  for (let epoch = 0; epoch < 4; epoch++)
    assert.deepEqual(
      steps.slice(epoch * 10, (epoch + 1) * 10).sort((a, b) => a - b),
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    )
  assert.notDeepEqual(steps.slice(0, 10), steps.slice(10, 20))
  assert.deepEqual(epochOrder(10, 4, { seed: 1, purpose: 'x' })(7), order(7)) // a run that goes on
  assert.notDeepEqual(epochOrder(10, 4, { seed: 2, purpose: 'x' })(7), order(7))
  assert.equal(epochOrder(3, 8, { seed: 1, purpose: 'x' })(0).length, 8) // more than there are
})

test('a frame without a change is read straight', () => {
  const out = new Float32Array(4 * plane).fill(9)
  premultiplied(clips[1].subarray(0, 4 * plane), { width: size, height: size }, out)
  assertClose(out, clip(1).subarray(0, 4 * plane), 1e-6, 'frame')
})
