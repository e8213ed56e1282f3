import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
import { generator } from '../../test/draw.ts'
import { likenessRanks, thumbnails } from './likeness.ts'
import type { Loop } from './motion.ts'

const T = 8

function loop(seed: number, size = 6): Loop {
  const uniform = generator(seed)
  return { count: T, bytes: Uint8Array.from({ length: T * size * size * 3 }, () => 256 * uniform()) }
}

test('a thumbnail holds the mean colours of cells, also where they do not divide the side', () => {
  const size = 40
  const one = loop(1, size)
  const small = thumbnails(one)
  assert.equal(small.length, T)
  const want = new Float32Array(16 * 16 * 3)
  for (let cell = 0; cell < 256; cell++)
    for (let c = 0; c < 3; c++) {
      const values: number[] = []
      for (let y = 0; y < size; y++)
        for (let x = 0; x < size; x++)
          if (Math.floor((y * 16) / size) * 16 + Math.floor((x * 16) / size) === cell)
            values.push(one.bytes[3 * (3 * size * size + y * size + x) + c])
      want[3 * cell + c] = values.reduce((a, b) => a + b) / values.length
    }
  assertClose(small[3], want, 1e-6, 'frame 3')
  assert.deepEqual([...thumbnails(loop(2, 4))[0]], [...loop(2, 4).bytes.subarray(0, 48)]) // smaller: as it is
})

test('a clip is its own nearest, at any phase and with noise; another clip is not', () => {
  const real = [1, 2, 3, 4, 5].map((seed) => loop(seed))
  const small = real.map(thumbnails)
  const turned = real.map(({ count, bytes }) => {
    const frame = bytes.length / count
    const noisy = bytes.map((value, i) => value + (i % 5))
    return thumbnails({
      count,
      bytes: Uint8Array.from([...noisy.subarray(3 * frame), ...noisy.subarray(0, 3 * frame)]),
    })
  })
  assert.deepEqual([...likenessRanks(turned, small, [0, 1, 2, 3, 4])], [0, 0, 0, 0, 0])
  for (const rank of likenessRanks(turned, small, [1, 2, 3, 4, 0])) assert.ok(rank > 0)
})

test('clips that cannot be told apart have no first place', () => {
  const same = [1, 1, 1].map((seed) => thumbnails(loop(seed)))
  assert.deepEqual([...likenessRanks(same, same, [0, 1, 2])], [2, 2, 2])
})
