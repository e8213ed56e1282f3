import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import { fill } from '../../test/positions.ts'
import { timestepEmbedding } from './timestep.ts'

const f = Math.fround

/** Column of the embedding: frequencies fall from 1 to 1 / period, in 32 bits as the graph has them. */
const angle = (t: number, i: number, { half, shift, period }: { half: number; shift: number; period: number }) =>
  f(t * f(Math.exp(f(f(f(-Math.log(period)) * i) / (half - shift)))))

test('times become cosines, then sines, of falling frequencies', () =>
  checkOp(
    (t) => timestepEmbedding(t, 8),
    [{ shape: [3], draw: (u) => 2 * u }],
    (t) =>
      fill([3, 8], ([row, i]) => {
        const at = t[row] * 10000 ** (-(i % 4) / 4)
        return i < 4 ? Math.cos(at) : Math.sin(at)
      }),
  ))

test('sines may come first, the frequencies end at 1 / period, and an odd width ends with a zero', () =>
  checkOp(
    (t) => timestepEmbedding(t, 9, { cosFirst: false, shift: 1, period: 100 }),
    [{ shape: [3], draw: (u) => 2 * u }],
    (t) =>
      fill([3, 9], ([row, i]) => {
        const at = t[row] * 100 ** (-(i % 4) / 3)
        return i === 8 ? 0 : i < 4 ? Math.sin(at) : Math.cos(at)
      }),
  ))

test('times up to 1000 keep their accuracy', () =>
  checkOp(
    (t) => timestepEmbedding(t, 64),
    [{ shape: [7], draw: (u) => Math.round(500 + 500 * u) }],
    (t) =>
      fill([7, 64], ([row, i]) => {
        const at = angle(t[row], i % 32, { half: 32, shift: 0, period: 10000 })
        return i < 32 ? Math.cos(at) : Math.sin(at)
      }),
    { gradient: false, tolerance: 2e-6 },
  ))
