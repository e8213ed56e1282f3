import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import { assertClose } from '../../test/close.ts'
import { generator } from '../../test/draw.ts'
import { evaluate } from '../../test/on-node.ts'
import { fill } from '../../test/positions.ts'
import { input } from '../graph/index.ts'
import { type Grid, rotary, rotaryColumns, rotaryTables, tokensOf } from './rotary.ts'

const grid: Grid = { frames: 2, height: 2, width: 3 }

test('each pair of columns turns by the angle of its token, time first, then row, then column', () => {
  const heads = 2
  const d = 12 // 4 columns each for time, row and column
  return checkOp(rotary(grid, { width: heads * d, heads }), [[12, 1, heads * d]], (x) =>
    fill([12, 1, heads * d], ([n, , column]) => {
      const pair = Math.floor((column % d) / 2)
      const position = [Math.floor(n / 6), Math.floor(n / 3) % 2, n % 3][Math.floor(pair / 2)]
      const angle = position * 10000 ** (-(pair % 2) / 2)
      const [a, b] = [x[n * heads * d + (column & ~1)], x[n * heads * d + (column | 1)]]
      return column % 2 === 0 ? a * Math.cos(angle) - b * Math.sin(angle) : a * Math.sin(angle) + b * Math.cos(angle)
    }),
  )
})

test('rotation keeps the length of every head of every token', async () => {
  const [N, B, heads, d] = [tokensOf(grid), 2, 2, 10]
  const uniform = generator(1)
  const x = Float32Array.from({ length: N * B * heads * d }, () => uniform() - 0.5)
  const { y } = await evaluate({ y: rotary(grid, { width: heads * d, heads })(input('x', [N, B, heads * d])) }, { x })
  const lengths = (a: ArrayLike<number>) =>
    fill([N * B * heads], ([row]) => Math.hypot(...Array.from({ length: d }, (_, i) => a[row * d + i])))
  assertClose(lengths(y), lengths(x), 1e-6, 'lengths')
  assert.notDeepEqual(y, x)
})

test('the product of two tokens depends on the distance between them alone', async () => {
  const wide: Grid = { frames: 3, height: 4, width: 4 }
  const [N, d] = [tokensOf(wide), 16]
  const uniform = generator(2)
  const [q, k] = [0, 1].map(() => Float32Array.from({ length: d }, () => uniform() - 0.5))
  const everywhere = (head: Float32Array) => Float32Array.from({ length: N * d }, (_, i) => head[i % d])
  const turn = rotary(wide, { width: d, heads: 1 })
  const outputs = { q: turn(input('q', [N, 1, d])), k: turn(input('k', [N, 1, d])) }
  const got = await evaluate(outputs, { q: everywhere(q), k: everywhere(k) })
  const product = (n: number, m: number) => {
    let sum = 0
    for (let i = 0; i < d; i++) sum += got.q[n * d + i] * got.k[m * d + i]
    return sum
  }
  const token = (t: number, y: number, x: number) => (t * 4 + y) * 4 + x
  const first = product(token(0, 0, 0), token(1, 2, 1)) // one frame, two rows and one column apart
  assertClose(
    [product(token(1, 1, 2), token(2, 3, 3)), product(token(1, 0, 1), token(2, 2, 2))],
    [first, first],
    1e-6,
    'moved',
  )
  for (const [t, y, x] of [
    [2, 2, 1],
    [1, 3, 1],
    [1, 2, 2],
  ])
    assert.ok(Math.abs(product(token(0, 0, 0), token(t, y, x)) - first) > 1e-4, `${t}, ${y}, ${x}`)
})

test('columns are shared as Wan shares them: the rest of two sixths goes to time', () => {
  assert.deepEqual(rotaryColumns(128), [44, 42, 42])
  assert.deepEqual(rotaryColumns(40), [16, 12, 12])
})

test('the first token does not turn', () => {
  const { cosines, sines } = rotaryTables(grid, 12)
  assert.deepEqual([...cosines.slice(0, 6)], [1, 1, 1, 1, 1, 1])
  assert.deepEqual([...sines.slice(0, 6)], [0, 0, 0, 0, 0, 0])
})

test('rotary refuses an odd head and tokens of another grid', () => {
  assert.throws(() => rotary(grid, { width: 15, heads: 3 }), {
    name: 'ShapeError',
    message: 'rotary: width / heads must be an even whole number (got width 15, heads 3)',
  })
  assert.throws(() => rotary(grid, { width: 12, heads: 2 })(input('x', [10, 1, 12])), {
    name: 'ShapeError',
    message: 'rotary: the grid holds 12 tokens (got x [10, 1, 12])',
  })
})
