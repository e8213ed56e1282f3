import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import { at, fill } from '../../test/positions.ts'
import { input, type Shape } from '../graph/index.ts'
import { mean } from './mean.ts'

const cases: { axes?: number | number[]; keep: boolean; left: Shape }[] = [
  { axes: undefined, keep: false, left: [] },
  { axes: 0, keep: true, left: [1, 3, 4] },
  { axes: -1, keep: false, left: [2, 3] },
  { axes: [2, 0], keep: true, left: [1, 3, 1] },
]

for (const { axes, keep, left } of cases)
  test(`mean over ${axes === undefined ? 'all axes' : `axes ${axes}`}, ${keep ? 'kept' : 'dropped'}`, () => {
    const reduced = axes === undefined ? [0, 1, 2] : [axes].flat().map((axis) => (axis + 3) % 3)
    return checkOp(
      (x) => mean(x, axes, keep),
      [[2, 3, 4]],
      (x) => {
        const kept = [2, 3, 4].map((n, axis) => (reduced.includes(axis) ? 1 : n))
        const sums = new Float32Array(left.reduce((a, b) => a * b, 1))
        fill([2, 3, 4], (p) => {
          const place = p.reduce((i, n, axis) => i * kept[axis] + (kept[axis] === 1 ? 0 : n), 0)
          sums[place] += at(x, [2, 3, 4], p)
          return 0
        })
        return sums.map((v) => (v * sums.length) / 24)
      },
    )
  })

test('mean over no axis is the tensor itself', () => {
  const x = input('x', [2, 3])
  assert.equal(mean(x, []), x)
})

test('mean refuses whole numbers, whose mean is none', () => {
  const message = 'mean: x must be of type float32; use cast (got x [2, 3], type int32)'
  assert.throws(() => mean(input('x', [2, 3], 'int32')), { name: 'ShapeError', message })
})

test('mean refuses an axis that is named twice', () => {
  const message = 'mean: axes must be different axes of x (got x [2, 3], axes [0, -2])'
  assert.throws(() => mean(input('x', [2, 3]), [0, -2]), { name: 'ShapeError', message })
})
