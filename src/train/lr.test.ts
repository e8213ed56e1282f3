import assert from 'node:assert/strict'
import { test } from 'node:test'
import { constant, trapezoid, warmupCosine } from './lr.ts'

const close = (a: number, b: number) => assert.ok(Math.abs(a - b) < 1e-12, `${a} is not ${b}`)

test('warm-up and cosine rise to the peak, are halfway at the middle, and end just above the floor', () => {
  const lr = warmupCosine({ peak: 2, warmup: 4, total: 24, floor: 0.1 })
  for (const [step, want] of [1, 2, 3, 4, 5].entries()) close(lr(step + 1), (2 * want) / 5)
  close(lr(15), 1.1)
  close(lr(20), 0.2 + 0.9 * (1 + Math.cos(Math.PI * 0.75)))
  for (let step = 6; step <= 24; step++) assert.ok(lr(step) < lr(step - 1))
  assert.ok(lr(24) > 0.2 && lr(24) < 0.22)
  close(lr(25), 0.2)
  close(lr(1000), 0.2)
})

test('the trapezoid stays at the peak until the last part and falls in equal steps', () => {
  const lr = trapezoid({ peak: 1, warmup: 1, total: 10, decay: 0.4 })
  assert.deepEqual([1, 2, 3, 4, 5, 6, 7].map(lr), [0.5, 1, 1, 1, 1, 1, 1])
  for (const [step, want] of [
    [8, 0.75],
    [9, 0.5],
    [10, 0.25],
    [11, 0],
  ])
    close(lr(step), want)
  assert.equal(trapezoid({ peak: 1, total: 10, decay: 0 })(10), 1)
})

test('a constant rate has a warm-up alone', () => {
  assert.deepEqual([1, 2, 3, 4, 999].map(constant({ peak: 4, warmup: 3 })), [1, 2, 3, 4, 4])
  assert.equal(constant({ peak: 3 })(1), 3)
})

test('a learning rate that cannot be meant is refused', () => {
  assert.throws(() => warmupCosine({ peak: 0, total: 10 }), {
    code: 'usage',
    message: /peak must be a positive number, not 0/,
  })
  assert.throws(() => warmupCosine({ peak: 1, warmup: 10, total: 10 }), /warmup \(10\) and total \(10\)/)
  assert.throws(() => trapezoid({ peak: 1, total: 10, decay: 2 }), /decay must be from 0 to 1, not 2/)
  assert.throws(() => warmupCosine({ peak: 1, total: 10, floor: -1 }), /floor must be from 0 to 1/)
})
