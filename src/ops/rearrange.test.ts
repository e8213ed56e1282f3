import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import { at, fill } from '../../test/positions.ts'
import { input } from '../graph/index.ts'
import { rearrange } from './rearrange.ts'

test('rearrange splits heads off the columns and puts them before the tokens', () =>
  checkOp(
    (x) => rearrange(x, 'B N (h d) -> B h N d', { h: 2 }),
    [[2, 3, 8]],
    (x) => fill([2, 2, 3, 4], ([B, h, N, d]) => at(x, [2, 3, 8], [B, N, h * 4 + d])),
  ))

test('rearrange cuts an image into patches', () =>
  checkOp(
    (x) => rearrange(x, 'B C (H p) (W q) -> B (H W) (p q C)', { p: 2, q: 3 }),
    [[1, 2, 4, 6]],
    (x) =>
      fill([1, 4, 12], ([B, n, c]) => {
        const [row, column] = [Math.floor(n / 2) * 2 + Math.floor(c / 6), (n % 2) * 3 + (Math.floor(c / 2) % 3)]
        return at(x, [1, 2, 4, 6], [B, c % 2, row, column])
      }),
  ))

test('rearrange adds and removes axes of size 1', () => {
  assert.deepEqual(rearrange(input('x', [2, 1, 3]), 'a 1 b -> b a').shape, [3, 2])
  assert.deepEqual(rearrange(input('x', [2, 3]), 'a b -> 1 b 1 a').shape, [1, 3, 1, 2])
})

test('rearrange says what is wrong with a pattern', () => {
  const x = input('x', [2, 6])
  const wrong = (pattern: string, sizes: Record<string, number>, message: string) =>
    assert.throws(() => rearrange(x, pattern, sizes), { name: 'ShapeError', message: `rearrange: ${message}` })
  wrong('a -> a', {}, "'a -> a' must name each axis of x on its left (got x [2, 6])")
  wrong('a b', {}, "'a b' must name each axis of x on its left (got x [2, 6])")
  wrong('a (b c) -> a b c', {}, "'a (b c) -> a b c' needs the size of b (got x [2, 6])")
  wrong('a (b c) -> a b c', { b: 4 }, "'a (b c) -> a b c' does not fit axis 1 (got x [2, 6], b 4)")
  wrong('a (b c) -> a b c', { b: 2, c: 4 }, "'a (b c) -> a b c' does not fit axis 1 (got x [2, 6], b 2, c 4)")
  wrong('a b -> a', {}, "'a b -> a' must hold the same names on both sides, each once (got x [2, 6])")
  wrong('a b -> a c', {}, "'a b -> a c' must hold the same names on both sides, each once (got x [2, 6])")
})
