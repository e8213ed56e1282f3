import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
import { normalNumbers } from '../../test/model.ts'
import { evaluate } from '../../test/on-node.ts'
import { constant, input, type Tensor } from '../graph/index.ts'
import { add, mul, reshape, sub } from '../ops/index.ts'
import { grad } from '../transform/grad.ts'
import { interpolate, velocity } from './flow.ts'
import { flowLoss } from './flow-loss.ts'

const shape = [3, 2, 4] as const
const inputs = { x0: input('x0', shape), eps: input('eps', shape), t: input('t', [3]) }
const [x0, eps] = [normalNumbers(1, ...shape), normalNumbers(2, ...shape)]
const t = Float32Array.of(0, 0.25, 1)
const feeds = { x0, eps, t }

const lossOf = async (predict: (xt: Tensor, time: Tensor) => Tensor, more = {}) =>
  (await evaluate({ loss: flowLoss(predict, inputs) }, { ...feeds, ...more })).loss[0]

test('the network is given the points on the line and a thousand times the time', async () => {
  let seen: { xt: Tensor; time: Tensor } | undefined
  const loss = flowLoss((xt, time) => {
    seen = { xt, time }
    return xt
  }, inputs)
  const got = await evaluate({ loss, ...seen! }, feeds)
  assertClose(got.xt, interpolate(x0, eps, t), 1e-6, 'xt')
  assertClose(got.time, [0, 250, 1000], 1e-5, 'time')
  const v = velocity(x0, eps)
  const want = Array.from(got.xt, (x, i) => (x - v[i]) ** 2).reduce((a, b) => a + b) / v.length
  assertClose(got.loss, [want], 1e-6, 'loss')
})

test('a network that knows the velocity has no loss, one that says nothing the mean square of it', async () => {
  assert.ok((await lossOf(() => sub(inputs.eps, inputs.x0))) < 1e-12)
  const v = velocity(x0, eps)
  const want = v.reduce((sum, x) => sum + x * x, 0) / v.length
  assertClose([await lossOf(() => constant(new Float32Array(24), shape))], [want], 1e-6, 'loss')
  assertClose([await lossOf(() => add(sub(inputs.eps, inputs.x0), 0.5))], [0.25], 1e-5, 'loss of a constant error')
})

test('each sample has its own time', async () => {
  // Off by t in every value: the mean of t² over samples.
  const own = (_: Tensor, time: Tensor) => add(sub(inputs.eps, inputs.x0), reshape(mul(time, 1e-3), [3, 1, 1]))
  assertClose([await lossOf(own)], [(0.25 ** 2 + 1) / 3], 1e-5, 'loss')
})

test('a weight says what the error of each channel counts', async () => {
  const weight = constant(Float32Array.of(0.5, 1.5), [2, 1])
  const errors = constant(Float32Array.of(2, 1), [2, 1])
  const loss = flowLoss(() => add(sub(inputs.eps, inputs.x0), errors), { ...inputs, weight })
  const got = await evaluate({ loss }, feeds)
  assertClose(got.loss, [(0.5 * 4 + 1.5 * 1) / 2], 1e-5, 'loss')
})

test('the gradient leads to the velocity', async () => {
  const guess = input('guess', shape)
  const loss = flowLoss(() => guess, inputs)
  const [gradient] = grad(loss, [guess])
  const v = velocity(x0, eps)
  const got = await evaluate({ gradient }, { ...feeds, guess: new Float32Array(24) })
  assertClose(
    got.gradient,
    v.map((x) => (-2 * x) / 24),
    1e-6,
    'gradient',
  )
})

test('motion says what an error beside its mean over time counts, for each clip', async () => {
  const shape = [2, 1, 2, 1] as const // [B, C, T, H]
  const clips = { x0: input('x0', shape), eps: input('eps', shape), t: input('t', [2]), motion: input('motion', [2]) }
  const errors = constant(Float32Array.of(3, 1, 3, 1), shape) // mean 2, beside it ±1
  const loss = flowLoss(() => add(sub(clips.eps, clips.x0), errors), clips)
  const zeros = { x0: new Float32Array(4), eps: new Float32Array(4), t: new Float32Array(2) }
  const got = await evaluate({ loss }, { ...zeros, motion: Float32Array.of(1, 5) })
  assertClose(got.loss, [(4 + 1 + 4 + 5) / 2], 1e-5, 'loss')
})

test('with a time for each frame, a frame at 0 is shown as it is and not asked for', async () => {
  const shape = [1, 2, 3, 1] as const // [B, C, T, H]
  const clips = { x0: input('x0', shape), eps: input('eps', shape), t: input('t', [1, 3]) }
  let seen: Tensor | undefined
  const loss = flowLoss((xt) => {
    seen = xt
    return add(sub(clips.eps, clips.x0), constant(Float32Array.of(9, 2, 1), [3, 1]))
  }, clips)
  const [x0, eps] = [normalNumbers(3, ...shape), normalNumbers(4, ...shape)]
  const got = await evaluate({ loss, seen: seen! }, { x0, eps, t: Float32Array.of(0, 0.5, 1) })
  const want = Array.from(x0, (x, i) => x + [0, 0.5, 1][i % 3] * (eps[i] - x))
  assertClose(got.seen, want, 1e-6, 'xt')
  assertClose(got.loss, [(4 + 1) / 3], 1e-5, 'loss')
})
