import assert from 'node:assert/strict'
import { test } from 'node:test'
import { labelledRows } from './labelled-rows.ts'

/** A picture of one value, of so many patches of 2 × 2. */
const picture = (value: number, [height, width]: readonly [number, number], label: number) => ({
  planes: { height: 2 * height, width: 2 * width, pixels: new Float32Array(4 * height * width).fill(value) },
  label,
})

test('each row holds the patches of its group, and each slot the class of its picture or none', () => {
  const groups = [[picture(1, [1, 2], 3), picture(2, [2, 1], 0)], [{ ...picture(3, [2, 2], 1), kept: [1, 3] }]]
  const rows = labelledRows(groups, { patchSize: 2, channels: 1, length: 5, slots: 3 })
  assert.deepEqual([...rows.labels], [3, 0, -100, 1, -100, -100])
  assert.deepEqual([...rows.sample], [0, 0, 1, 1, -1, 0, 0, -1, -1, -1])
  assert.deepEqual(
    Array.from({ length: 10 }, (_, token) => rows.patches[4 * token]),
    [1, 1, 2, 2, 0, 3, 3, 0, 0, 0],
  )
  assert.deepEqual([...rows.rows.subarray(0, 7)], [0, 0, 0, 1, 0, 0, 1])
  assert.deepEqual([...rows.columns.subarray(0, 7)], [0, 1, 0, 0, 0, 1, 1])
  assert.deepEqual([...rows.across.subarray(5, 7)], [0.75, 0.75])
})
