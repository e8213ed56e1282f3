import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
import { fill } from '../../test/positions.ts'
import { packPatches } from './pack-patches.ts'

test('a token lies where the middle of its patch does, as a part of the height and of the width', () => {
  const picture = { height: 24, width: 40, pixels: new Float32Array(24 * 40) }
  const { down, across } = packPatches([picture], { patch: [1, 8, 8], channels: 1, length: 15 })
  assertClose(
    down,
    fill([3, 5], ([row]) => (row + 0.5) / 3),
    1e-6,
    'down',
  )
  assertClose(
    across,
    fill([3, 5], ([, column]) => (column + 0.5) / 5),
    1e-6,
    'across',
  )
})
