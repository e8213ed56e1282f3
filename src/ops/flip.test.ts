import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import { flip } from './flip.ts'

test('flip reverses the axes that are named and leaves the others', () =>
  checkOp(
    (x) => flip(x, [0, 2]),
    [[2, 3, 4]],
    (x) => x.map((_, i) => x[(1 - Math.floor(i / 12)) * 12 + (Math.floor(i / 4) % 3) * 4 + (3 - (i % 4))]),
  ))
