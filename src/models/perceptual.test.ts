import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
import { normalNumbers } from '../../test/model.ts'
import { evaluate } from '../../test/on-node.ts'
import { input } from '../graph/index.ts'
import { mul, sum } from '../ops/index.ts'
import { grad } from '../transform/grad.ts'
import { perceptualDistance } from './perceptual.ts'

const shapes = [
  [2, 3, 2, 2],
  [2, 5, 1, 2],
]
const maps = (name: string) => shapes.map((shape, i) => input(`${name}${i}`, shape))
const feeds = {
  a0: normalNumbers(1, ...shapes[0]),
  a1: normalNumbers(2, ...shapes[1]),
  b0: normalNumbers(3, ...shapes[0]),
  b1: normalNumbers(4, ...shapes[1]),
}

test('the distance is that of the formula in plain loops', async () => {
  const want = [0, 1].map((sample) =>
    shapes.reduce((total, [, C, H, W], layer) => {
      const [a, b] = [feeds[`a${layer}` as 'a0'], feeds[`b${layer}` as 'b0']]
      for (let place = 0; place < H * W; place++) {
        const at = (map: Float32Array) => Array.from({ length: C }, (_, c) => map[(sample * C + c) * H * W + place])
        const [u, v] = [at(a), at(b)]
        const cosine = u.reduce((s, x, i) => s + x * v[i], 0) / (Math.hypot(...u) * Math.hypot(...v))
        total += (2 - 2 * cosine) / (H * W)
      }
      return total
    }, 0),
  )
  assertClose((await evaluate({ d: perceptualDistance(maps('a'), maps('b')) }, feeds)).d, want, 1e-5, 'distance')
})

test('equal maps have distance 0 and no gradient, and the scale of a map does not matter', async () => {
  const [a, b] = [maps('a'), maps('b')]
  const [da] = grad(sum(perceptualDistance(a, a)), [a[0]])
  const outputs = {
    ...{ da, same: perceptualDistance(a, a), d: perceptualDistance(a, b) },
    scaled: perceptualDistance(
      a.map((map) => mul(map, 7)),
      b,
    ),
  }
  const got = await evaluate(outputs, feeds)
  assert.ok(got.same.every((value) => value === 0))
  assert.ok(got.da.every((value) => value === 0))
  assertClose(got.scaled, got.d, 1e-5, 'scaled')
})

test('maps of another number or shape are refused', () => {
  assert.throws(() => perceptualDistance(maps('a'), maps('b').slice(1)), /perceptual: both pictures must have the same/)
  assert.throws(() => perceptualDistance([], []), /perceptual: both pictures must have the same maps/)
})
