import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
import { stream } from '../random.ts'
import {
  flowConfig,
  flowEuler,
  flowSigmas,
  interpolate,
  logitNormalTimes,
  scaledShift,
  shiftTime,
  velocity,
} from './flow.ts'
import { guide } from './guidance.ts'

const near = (got: number, want: number, tolerance = 1e-6) =>
  assert.ok(Math.abs(got - want) <= tolerance, `${got}, not ${want}`)

test('the line from data to noise ends at both, and its direction is the velocity', () => {
  const x0 = Float32Array.of(1, 2, 3, 4)
  const eps = Float32Array.of(-1, 0, 5, 0.5)
  assert.deepEqual([...interpolate(x0, eps, [0, 1])], [1, 2, 5, 0.5])
  const v = velocity(x0, eps)
  const [a, b] = [0.3, 0.3001].map((t) => interpolate(x0, eps, [t]))
  v.forEach((slope, i) => {
    near((b[i] - a[i]) / 1e-4, slope, 0.02)
  })
})

test('a shift moves times towards the noise, keeps both ends, and shifts add up as factors', () => {
  assert.deepEqual([shiftTime(0, 3), shiftTime(1, 3)], [0, 1])
  near(shiftTime(0.5, 3), 0.75)
  near(shiftTime(shiftTime(0.2, 2), 3), shiftTime(0.2, 6), 1e-12)
  near(shiftTime(shiftTime(0.2, 3), 1 / 3), 0.2, 1e-12)
})

test('a constant of n values is as well known at the scaled time from 4 n of them', () => {
  // The error of its mean over noisy values is t / (1 − t) / √n (Esser et al. 2024, section 5.3.2).
  const error = (t: number, n: number) => t / (1 - t) / Math.sqrt(n)
  for (const t of [0.1, 0.5, 0.9]) near(error(shiftTime(t, scaledShift(1, 4)), 4 * 16), error(t, 16), 1e-9)
})

test('logit-normal times have their median at the shifted sigmoid of the mean, and stay inside', () => {
  const z = stream({ seed: 2, purpose: 'times' }).normal(20_001)
  const middle = (t: Float32Array) => t.slice().sort()[10_000]
  near(middle(logitNormalTimes(z)), 0.5, 0.01)
  near(middle(logitNormalTimes(z, { mean: 1 })), 1 / (1 + Math.exp(-1)), 0.01)
  near(middle(logitNormalTimes(z, { shift: 3 })), 0.75, 0.01)
  assert.ok(logitNormalTimes(z, { std: 2 }).every((t) => t > 0 && t < 1))
  const spread = (t: Float32Array) => t.reduce((sum, v) => sum + (v - 0.5) ** 2, 0)
  assert.ok(spread(logitNormalTimes(z, { std: 2 })) > 1.5 * spread(logitNormalTimes(z)))
})

test('training times are the sigmoid of mean + std z, shifted', () => {
  // sigmoid(0.4 − 2 · 0.7) = 1 / (1 + e), and 3 t / (1 + 2 t) = 3 / (3 + e).
  near(logitNormalTimes(Float32Array.of(-0.7), { mean: 0.4, std: 2, shift: 3 })[0], 3 / (3 + Math.E))
})

test('a sampler goes from pure noise to the data in falling times, whatever shapes its steps', () => {
  for (const settings of [
    {},
    { shift: 5 },
    { use_karras_sigmas: true },
    { use_exponential_sigmas: true },
    { use_dynamic_shifting: true },
    { use_dynamic_shifting: true, time_shift_type: 'linear' },
  ]) {
    const sigmas = flowSigmas(flowConfig.parse(settings), 12, 1.1)
    assert.equal(sigmas.length, 13)
    near(sigmas[0], 1)
    assert.equal(sigmas[12], 0)
    for (let i = 1; i < 13; i++) assert.ok(sigmas[i] < sigmas[i - 1], JSON.stringify(settings))
  }
  near(flowSigmas(flowConfig.parse({ shift_terminal: 0.1 }), 8)[7], 0.1, 1e-12)
  assert.deepEqual(flowSigmas(flowConfig.parse({}), 1), [1, 0])
})

test('each way to space the times has the values of its formula', () => {
  const third = [0, 1 / 3, 2 / 3, 1]
  const line = (from: number, to: number) => third.map((part) => from + part * (to - from))
  const close = (settings: object, want: number[]) =>
    assertClose(flowSigmas(flowConfig.parse(settings), 4, 1.1), want, 1e-6, JSON.stringify(settings))
  const times = line(1, 0.001)
  close({}, [...times, 0])
  close({ invert_sigmas: true }, [...times.map((t) => 1 - t), 1])
  // ρ is 7 (Karras et al. 2022, equation 5).
  close({ use_karras_sigmas: true }, [...line(1, 0.001 ** (1 / 7)).map((root) => root ** 7), 0])
  close({ use_exponential_sigmas: true }, [1, 0.1, 0.01, 0.001, 0])
  // The shift is e^μ, or μ itself.
  const shifted = (factor: number) => [...times.map((t) => (factor * t) / (1 + (factor - 1) * t)), 0]
  close({ use_dynamic_shifting: true }, shifted(Math.exp(1.1)))
  close({ use_dynamic_shifting: true, time_shift_type: 'linear' }, shifted(1.1))
})

test('stochastic sampling goes to x0 and back to the next time with fresh noise', () => {
  const scheduler = flowEuler(flowConfig.parse({ stochastic_sampling: true }), 4)
  const [t, next] = scheduler.sigmas!.slice(1)
  assert.ok(scheduler.drawsNoise(1))
  const step = {
    prediction: Float32Array.of(0.5, -3),
    x: Float32Array.of(1, 2),
    noise: Float32Array.of(4, -1),
    index: 1,
  }
  const want = [(1 - next) * (1 - t * 0.5) + next * 4, (1 - next) * (2 + t * 3) - next]
  assertClose(scheduler.step(step), want, 1e-6, 'x')
})

test('times that are stretched to a last one stay numbers in a single step', () => {
  const config = flowConfig.parse({ shift_terminal: 0.1 })
  assert.deepEqual(flowSigmas(config, 1), [1, 0])
  assert.ok(Math.abs(flowSigmas(config, 4)[3] - 0.1) < 1e-12)
})

test('a constant velocity is followed exactly in any number of steps', () => {
  for (const steps of [1, 7]) {
    const scheduler = flowEuler(flowConfig.parse({ shift: 3 }), steps)
    let x: Float32Array = Float32Array.of(1, -2)
    for (let index = 0; index < steps; index++) x = scheduler.step({ prediction: Float32Array.of(0.5, 4), x, index })
    near(x[0], 0.5)
    near(x[1], -6)
  }
})

test('guidance of 1 is the prompt alone, of 0 the other prediction, and more goes beyond', () => {
  const [c, u] = [Float32Array.of(1, 2), Float32Array.of(0, 4)]
  assert.deepEqual(
    [1, 0, 3].map((scale) => [...guide(c, u, scale)]),
    [
      [1, 2],
      [0, 4],
      [3, -2],
    ],
  )
  assert.throws(() => guide(c, Float32Array.of(1), 2), { message: /one size \(got 2 and 1\)/ })
})
