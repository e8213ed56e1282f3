import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkOp } from '../../test/check-op.ts'
import { input } from '../graph/index.ts'
import { type CrossEntropyOptions, crossEntropy } from './cross-entropy.ts'

const V = 5

function loops(logits: Float32Array, labels: Int32Array, { ignore, smoothing = 0 }: CrossEntropyOptions) {
  let [total, count] = [0, 0]
  labels.forEach((label, row) => {
    if (label === ignore) return
    const x = logits.subarray(row * V, (row + 1) * V)
    const whole = Math.log(x.reduce((sum, v) => sum + Math.exp(v), 0))
    x.forEach((v, k) => {
      total += ((k === label ? 1 - smoothing : 0) + smoothing / V) * (whole - v)
    })
    count++
  })
  return [total / Math.max(count, 1)]
}

const cases: [string, CrossEntropyOptions][] = [
  ['plain', {}],
  ['with an ignored label', { ignore: 2 }],
  ['smoothed', { smoothing: 0.1 }],
  ['smoothed, with an ignored label', { smoothing: 0.3, ignore: 0 }],
]
for (const [title, options] of cases)
  test(`the cross-entropy is the mean surprise at the labels: ${title}`, () =>
    checkOp(
      (logits, labels) => crossEntropy(logits, labels, options),
      [[2, 6, V], { shape: [2, 6], dtype: 'int32', below: V }],
      (logits, labels) => loops(logits, labels, options),
    ))

test('the cross-entropy of ignored labels alone is 0, and so is its gradient', () =>
  checkOp(
    (logits, labels) => crossEntropy(logits, labels, { ignore: 0 }),
    [[3, V], { shape: [3], dtype: 'int32', below: 1 }],
    () => [0],
  ))

test('logits of a thousand stay finite', () =>
  checkOp(
    (logits, labels) => crossEntropy(logits, labels),
    [
      { shape: [2, 2], draw: (u) => (u > 0 ? 1000 : 998) + u },
      { shape: [2], dtype: 'int32', below: 2 },
    ],
    (x, labels) => {
      const row = (i: number) => {
        const [a, b] = [x[2 * i], x[2 * i + 1]]
        return Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b))) - x[2 * i + labels[i]]
      }
      return [(row(0) + row(1)) / 2]
    },
    { tolerance: 1e-4, gradient: false }, // 1000 in 32 bits has steps of 6e-5
  ))

test('the cross-entropy refuses labels and settings that do not fit', () => {
  const logits = input('logits', [4, V])
  assert.throws(() => crossEntropy(logits, input('labels', [4])), {
    message:
      'crossEntropy: labels must be int32, one for each row of the logits (got logits [4, 5], labels [4], type float32)',
  })
  assert.throws(() => crossEntropy(logits, input('labels', [4], 'int32'), { smoothing: 1 }), {
    message: 'crossEntropy: smoothing must be at least 0 and less than 1 (got smoothing 1)',
  })
})
