import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import { constant, input } from '../graph/index.ts'
import { rotate } from './rotate.ts'

const [N, pairs] = [3, 2]
const angle = (row: number, pair: number) => 0.3 + row * 0.9 - pair * 1.7
const table = (wave: (x: number) => number) =>
  Float32Array.from({ length: N * pairs }, (_, i) => wave(angle(Math.floor(i / pairs), i % pairs)))
const angles = { cosines: table(Math.cos), sines: table(Math.sin), shape: [N, pairs] }

/** Two samples of two heads of width 4 in each row. */
function turned(x: ArrayLike<number>): Float32Array {
  const y = new Float32Array(x.length)
  for (let i = 0; i < x.length; i += 2) {
    const a = angle(Math.floor(i / 16), (i % 4) / 2)
    y[i] = x[i] * Math.cos(a) - x[i + 1] * Math.sin(a)
    y[i + 1] = x[i + 1] * Math.cos(a) + x[i] * Math.sin(a)
  }
  return y
}

test('rotate turns each pair of columns by the angle of its row', () =>
  checkOp((x) => rotate(x, angles), [[N, 2, 8]], turned))

test('rotate turns each row by the angles of its place, also where there are more rows than places', () => {
  const places = [2, 0, 2, 1]
  return checkOp(
    (x) => rotate(x, angles, constant(Int32Array.from(places), [4])),
    [[4, 2, 8]],
    (x) => {
      const rows = places.map((place, n) => {
        const moved = new Float32Array(x.length)
        moved.set(Float32Array.from(x).subarray(n * 16, (n + 1) * 16), place * 16)
        return turned(moved).subarray(place * 16, (place + 1) * 16)
      })
      return Float32Array.from(rows.flatMap((row) => [...row]))
    },
  )
})

test('rotate refuses angles that do not fit', () => {
  const wrong = (shape: number[], table: object, message: string) =>
    assert.throws(() => rotate(input('x', shape), { ...angles, ...table }), { name: 'ShapeError', message })
  const must = 'rotate: the angles must be [N, d / 2], for rows x [N, ...] of a multiple of d'
  wrong([4, 8], {}, `${must} (got x [4, 8], angles [3, 2])`)
  wrong([3, 6], {}, `${must} (got x [3, 6], angles [3, 2])`)
  wrong([3, 8], { sines: new Float32Array(5) }, 'rotate: cosines and sines must fill their shape (got angles [3, 2])')
  assert.throws(() => rotate(input('x', [3, 8]), angles, input('places', [2], 'int32')), {
    message: 'rotate: the places must be int32 [N] (got x [3, 8], places [2], type int32)',
  })
})
