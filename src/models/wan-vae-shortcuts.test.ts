import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import { at, fill } from '../../test/positions.ts'
import { averageDown, depthToSpace, repeatUp, spaceToDepth } from './wan-vae-shortcuts.ts'

// Bits of a channel's number say where its pixels come from, as in the published class: those of patches column before
// row, those of the shortcuts frame, row, column.
const bit = (n: number, which: number) => (n >> which) & 1

test('spaceToDepth keeps channels apart and puts the columns of a patch before its rows', () =>
  checkOp(
    (x) => spaceToDepth(x, 2),
    [[2, 3, 2, 4, 6]],
    (x) =>
      fill([2, 12, 2, 2, 3], ([b, k, t, i, j]) =>
        at(x, [2, 3, 2, 4, 6], [b, k >> 2, t, 2 * i + bit(k, 0), 2 * j + bit(k, 1)]),
      ),
  ))

test('depthToSpace takes spaceToDepth back', () =>
  checkOp(
    (x) => depthToSpace(spaceToDepth(x, 2), 2),
    [[2, 3, 2, 4, 6]],
    (x) => x,
  ))

for (const channels of [4, 16])
  test(`averageDown averages blocks of two down to ${channels} channels, the first frame in one with zeros`, () =>
    checkOp(
      (x) => averageDown(x, channels, { time: 2, space: 2 }),
      [[2, 2, 3, 4, 6]],
      (x) =>
        fill([2, channels, 2, 2, 3], ([b, o, t, i, j]) => {
          const size = 16 / channels // of a group of neighbours
          let sum = 0
          for (let q = size * o; q < size * (o + 1); q++) {
            const frame = 2 * t + bit(q, 2) - 1
            if (frame >= 0) sum += at(x, [2, 2, 3, 4, 6], [b, q >> 3, frame, 2 * i + bit(q, 1), 2 * j + bit(q, 0)])
          }
          return sum / size
        }),
    ))

for (const C of [4, 16])
  test(`repeatUp spreads ${C} channels over blocks of two, and the first frame stays one`, () =>
    checkOp(
      (x) => repeatUp(x, 2, { time: 2, space: 2 }),
      [[2, C, 2, 2, 3]],
      (x) =>
        fill([2, 2, 3, 4, 6], ([b, o, s, y, z]) => {
          const q = 8 * o + 4 * bit(s + 1, 0) + 2 * bit(y, 0) + bit(z, 0)
          return at(x, [2, C, 2, 2, 3], [b, Math.floor((q * C) / 16), (s + 1) >> 1, y >> 1, z >> 1])
        }),
    ))

test('without a change of the frame rate both together give each block of a frame its mean', () =>
  checkOp(
    (x) => repeatUp(averageDown(x, 2, { time: 1, space: 2 }), 2, { time: 1, space: 2 }),
    [[2, 2, 3, 4, 6]],
    (x) =>
      fill([2, 2, 3, 4, 6], ([b, c, t, y, z]) => {
        let sum = 0
        for (let q = 0; q < 4; q++) sum += at(x, [2, 2, 3, 4, 6], [b, c, t, (y & ~1) + bit(q, 1), (z & ~1) + bit(q, 0)])
        return sum / 4
      }),
  ))
