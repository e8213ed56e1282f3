import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drawnSize, latentGrid } from './clip-size.ts'

const square = { width: 128, height: 128, frames: 17 }
const wan = { patchSize: [1, 2, 2], ropeMaxSeqLen: 64 } as const
const refused = (asked: object, message: RegExp, config: Parameters<typeof drawnSize>[2] = wan) =>
  assert.throws(
    () => drawnSize(asked, square, config),
    (error: Error & { code: string }) => {
      assert.equal(error.code, 'usage')
      assert.match(error.message, message)
      return true
    },
  )

test('what is not asked for is that of the training', () => {
  assert.deepEqual(drawnSize({}, square, wan), square)
  assert.deepEqual(drawnSize({ frames: 9 }, square, wan), { ...square, frames: 9 })
  assert.deepEqual(drawnSize({ width: 64, height: 192 }, square, wan), { width: 64, height: 192, frames: 17 })
})

test('a size between two that can be drawn is refused with the next larger one', () => {
  refused({ width: 100, height: 90 }, /a clip of 100 × 90 .* next size is 128 × 96$/)
  refused({ width: 16, height: 128 }, /multiple of 32 .* next size is 32 × 128$/)
  refused({ width: 999_999, height: 1 }, /next size is 2048 × 32$/)
  refused({ frames: 8 }, /there must be 1, 3, 5 and so on, up to 127; the next is 9$/)
  refused({ frames: 1000 }, /the next is 127$/)
})

test('the size that an error names can itself be cut, whatever the patches', () => {
  const config = { patchSize: [2, 1, 4], ropeMaxSeqLen: 8 } as const
  for (const asked of [{ width: 70 }, { height: 33 }, { frames: 4 }, { frames: 6 }])
    try {
      assert.deepEqual(drawnSize({ width: 64, height: 16, frames: 3, ...asked }, square, config), undefined)
    } catch (error) {
      const { message } = error as Error
      const [width, height] = (/next size is (\d+) × (\d+)/.exec(message) ?? [0, 64, 16]).slice(1).map(Number)
      const frames = Number(/the next is (\d+)/.exec(message)?.[1] ?? 3)
      const size = drawnSize({ width, height, frames }, square, config)
      assert.ok(latentGrid(size).every((n, axis) => n % config.patchSize[axis] === 0))
      for (const [name, value] of Object.entries(asked)) assert.ok(size[name as keyof typeof size] > value)
    }
})

test('clips and frames that would not fit into memory are refused', () => {
  refused({ width: 512, height: 512, frames: 33 }, /^33 frames of 512 × 512 are more than 8388608 pixels/)
  refused({ width: 2048, height: 1024, frames: 1 }, /^a frame of 2048 × 1024 has more than 524288 pixels/)
  assert.deepEqual(drawnSize({ width: 512, height: 512, frames: 31 }, square, wan).frames, 31)
})
