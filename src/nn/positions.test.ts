import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
import { evaluate } from '../../test/on-node.ts'
import { sinCosPositions } from './positions.ts'

test('the first half of a position tells the column, the second the row, sines before cosines', async () => {
  const { table } = await evaluate({ table: sinCosPositions([2, 3], 8) }, {})
  const at = (y: number, x: number) => [...(table as Float32Array).subarray((3 * y + x) * 8, (3 * y + x + 1) * 8)]
  const axis = (n: number) => [Math.sin(n), Math.sin(n / 100), Math.cos(n), Math.cos(n / 100)]
  assertClose(at(1, 2), [...axis(2), ...axis(1)], 1e-6, 'row 1, column 2')
  assertClose(at(0, 0), [...axis(0), ...axis(0)], 1e-6, 'the corner')
})

test('another distance between patches stretches the positions', async () => {
  const { near, far } = await evaluate(
    { near: sinCosPositions([4, 4], 4, { height: 0.5, width: 0.5 }), far: sinCosPositions([2, 2], 4) },
    {},
  )
  // Row 2, column 2 at half the distance lies where row 1, column 1 does.
  assert.deepEqual(near.slice(10 * 4, 11 * 4), far.slice(3 * 4, 4 * 4))
})

test('a width that four parts do not share evenly is refused', () => {
  assert.throws(() => sinCosPositions([2, 2], 6), /sinCosPositions: the width must be a multiple of 4 \(got width 6\)/)
})
