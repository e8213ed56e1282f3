import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import { givenParams } from '../../test/given-params.ts'
import { at, fill } from '../../test/positions.ts'
import { input } from '../graph/index.ts'
import { neg } from '../ops/index.ts'
import { attention } from './attention.ts'
import { params } from './params.ts'

type Numbers = ArrayLike<number>

/** x [rows, from] · Wᵀ + b, with W [to, from]. */
const linearLoops = (x: Numbers, w: Numbers, b: Numbers) =>
  fill([x.length / (w.length / b.length), b.length], ([row, column]) => {
    const from = w.length / b.length
    let y = b[column]
    for (let i = 0; i < from; i++) y += x[row * from + i] * w[column * from + i]
    return y
  })

const [N, B, D, heads] = [3, 2, 4, 2]
const d = D / heads

/** softmax(q kᵀ / √d + mask) v, one sample, head, and token after the other. */
function attendLoops(q: Numbers, k: Numbers, { v, mask }: { v: Numbers; mask?: (p: number[]) => number }) {
  const M = k.length / B / D
  return fill([N, B, D], ([n, b, column]) => {
    const head = Math.floor(column / d)
    const weights = Array.from({ length: M }, (_, m) => {
      let score = 0
      for (let i = head * d; i < (head + 1) * d; i++) score += q[(n * B + b) * D + i] * k[(m * B + b) * D + i]
      return Math.exp(score / Math.sqrt(d) + (mask?.([b, head, n, m]) ?? 0))
    })
    const total = weights.reduce((a, w) => a + w)
    return weights.reduce((sum, w, m) => sum + (w / total) * v[(m * B + b) * D + column], 0)
  })
}

const names = ['to_q', 'to_k', 'to_v', 'to_out.0']
const named = <T>(tensors: readonly T[]) =>
  Object.fromEntries(
    names.flatMap((name, i) => [
      [`${name}.weight`, tensors[2 * i]],
      [`${name}.bias`, tensors[2 * i + 1]],
    ]),
  )

test('attention to the tokens themselves equals plain loops', () => {
  const square = [[D, D], [D], [D, D], [D], [D, D], [D], [D, D], [D]]
  return checkOp(
    (x, ...weights) => attention(givenParams(named(weights)), { width: D, heads })(x),
    [[N, B, D], ...square],
    (x, wq, bq, wk, bk, wv, bv, wo, bo) => {
      const y = attendLoops(linearLoops(x, wq, bq), linearLoops(x, wk, bk), { v: linearLoops(x, wv, bv) })
      return linearLoops(y, wo, bo)
    },
  )
})

test('attention to a context with a mask equals plain loops', () => {
  const [M, C] = [5, 6]
  const shapes = [[D, D], [D], [D, C], [D], [D, C], [D], [D, D], [D]]
  const hide = { shape: [B, 1, N, M], draw: (u: number) => (u < -0.3 ? -30 : u) }
  return checkOp(
    (x, context, mask, ...weights) =>
      attention(givenParams(named(weights)), { width: D, heads, contextWidth: C })(x, { context, mask }),
    [[N, B, D], [M, B, C], hide, ...shapes],
    (x, context, mask, wq, bq, wk, bk, wv, bv, wo, bo) => {
      const [k, v] = [linearLoops(context, wk, bk), linearLoops(context, wv, bv)]
      const y = attendLoops(linearLoops(x, wq, bq), k, { v, mask: (p) => at(mask, [B, 1, N, M], p) })
      return linearLoops(y, wo, bo)
    },
  )
})

test('q and k are normalised over all heads before they turn', () => {
  const weights = [[D, D], [D, D], [D, D], [D], [D], [D, D]]
  return checkOp(
    (x, wq, wk, wv, gainQ, gainK, wo) => {
      const tensors = { 'q.weight': wq, 'k.weight': wk, 'v.weight': wv, 'norm_q.weight': gainQ, 'norm_k.weight': gainK }
      const p = givenParams({ ...tensors, 'o.weight': wo })
      const own = { q: 'q', k: 'k', v: 'v', out: 'o' }
      const config = { width: D, heads, names: own, qkNorm: true, qkvBias: false, outBias: false, eps: 0.01 }
      return attention(p, config)(x, { rotate: neg })
    },
    [[N, B, D], ...weights],
    (x, wq, wk, wv, gainQ, gainK, wo) => {
      const none = new Float32Array(D)
      const turned = (y: Numbers, gain: Numbers) =>
        fill([N * B, D], ([row, column]) => {
          let squares = 0
          for (let i = 0; i < D; i++) squares += y[row * D + i] ** 2 / D
          return (-y[row * D + column] * gain[column]) / Math.sqrt(squares + 0.01)
        })
      const q = turned(linearLoops(x, wq, none), gainQ)
      const k = turned(linearLoops(x, wk, none), gainK)
      return linearLoops(attendLoops(q, k, { v: linearLoops(x, wv, none) }), wo, none)
    },
  )
})

test('attention names its weights as diffusers does', () => {
  const p = params()
  attention(p.at('blocks.0.attn1'), { width: 8, heads: 2, qkNorm: true, contextWidth: 6, outBias: false })
  assert.deepEqual(
    [...p.all.values()].map(({ name, tensor }) => `${name} [${tensor.shape.join(', ')}]`),
    [
      'blocks.0.attn1.to_q.weight [8, 8]',
      'blocks.0.attn1.to_q.bias [8]',
      'blocks.0.attn1.to_k.weight [8, 6]',
      'blocks.0.attn1.to_k.bias [8]',
      'blocks.0.attn1.to_v.weight [8, 6]',
      'blocks.0.attn1.to_v.bias [8]',
      'blocks.0.attn1.norm_q.weight [8]',
      'blocks.0.attn1.norm_k.weight [8]',
      'blocks.0.attn1.to_out.0.weight [8, 8]',
    ],
  )
})

test('attention refuses heads that do not divide the width, and a mask that does not fit', () => {
  assert.throws(() => attention(params(), { width: 10, heads: 4 }), {
    name: 'ShapeError',
    message: 'attention: heads must divide width (got width 10, heads 4)',
  })
  const layer = attention(params(), { width: 8, heads: 2 })
  assert.throws(() => layer(input('x', [3, 2, 8]), { mask: input('mask', [4, 4]) }), {
    name: 'ShapeError',
    message: 'attention: the mask must broadcast to [B, h, N, M] (got mask [4, 4], scores [2, 2, 3, 3])',
  })
  assert.throws(() => layer(input('x', [3, 2, 8]), { context: input('context', [4, 5, 8]) }), {
    name: 'ShapeError',
    message:
      'attention: q, k and v must be [N, B, D], [M, B, D] and [M, B, D] (got q [3, 2, 8], k [4, 5, 8], v [4, 5, 8])',
  })
})
