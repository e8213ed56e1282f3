import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
import { normalNumbers } from '../../test/model.ts'
import { evaluate } from '../../test/on-node.ts'
import { constant, input, type Tensor } from '../graph/index.ts'
import { concat, sub } from '../ops/index.ts'
import { grad } from '../transform/grad.ts'
import { ddpmConfig, diffuse, posterior } from './ddpm.ts'
import { ddpmLoss } from './ddpm-loss.ts'
import { boundBits } from './likelihood.ts'
import { alphaBars } from './schedule.ts'

const shape = [4, 2, 3] as const
const times = Int32Array.of(0, 1, 400, 999)
const inputs = { x0: input('x0', shape), eps: input('eps', shape), t: input('t', [4], 'int32') }
const x0 = normalNumbers(1, ...shape).map((x) => Math.max(-1, Math.min(1, 0.6 * x)))
const eps = normalNumbers(2, ...shape)
const guess = eps.map((e, i) => e + 0.1 * Math.sin(i))
const range = normalNumbers(3, ...shape).map((x) => 0.5 * x)
const feeds = { x0, eps, t: times, guess, range }
const [guessed, ranged] = [input('guess', shape), input('range', shape)]
const learned = ddpmConfig.parse({ variance_type: 'learned_range' })
const bars = alphaBars(learned)

test('the network is given the noisy picture and the time, and learns what the config names', async () => {
  const kinds = {
    epsilon: () => eps,
    sample: () => x0,
    v_prediction: () =>
      eps.map((e, i) => {
        const bar = bars[times[Math.floor(i / 6)]]
        return Math.sqrt(bar) * e - Math.sqrt(1 - bar) * x0[i]
      }),
  }
  for (const [kind, target] of Object.entries(kinds)) {
    let seen: { xt: Tensor; time: Tensor } | undefined
    const config = ddpmConfig.parse({ prediction_type: kind })
    const { loss } = ddpmLoss(
      (xt, time) => {
        seen = { xt, time }
        return guessed
      },
      inputs,
      config,
    )
    const right = await evaluate({ loss, ...seen! }, { ...feeds, guess: target() })
    assert.ok(right.loss[0] < 1e-9, `${kind}: ${right.loss[0]}`)
    const noisy = diffuse(
      x0,
      eps,
      [...times].map((t) => bars[t]),
    )
    assertClose(right.xt, noisy, 1e-6, `${kind}: xt`)
    assert.deepEqual([...right.time], [...times])
    const off = await evaluate({ loss }, { ...feeds, guess: target().map((x) => x + 0.5) })
    assertClose(off.loss, [0.25], 1e-5, `${kind}: loss`)
  }
})

/** Mean bits of the bound by plain loops. */
function boundOf(predicted: Float32Array, widths: Float32Array): number {
  let total = 0
  for (let i = 0; i < x0.length; i++) {
    const t = times[Math.floor(i / 6)]
    const q = posterior(bars[t], t > 0 ? bars[t - 1] : 1)
    const small = t > 0 ? q.variance : posterior(bars[1], bars[0]).variance
    const share = (widths[i] + 1) / 2
    const variance = Math.exp(share * Math.log(q.beta) + (1 - share) * Math.log(small))
    const xt = Math.sqrt(bars[t]) * x0[i] + Math.sqrt(1 - bars[t]) * eps[i]
    const clean = (xt - Math.sqrt(1 - bars[t]) * predicted[i]) / Math.sqrt(bars[t])
    const [truth, belief] = [x0[i], clean].map((x) => q.fromX0 * x + q.fromXt * xt)
    if (t > 0) total += 0.5 * (Math.log(variance / small) + (small + (truth - belief) ** 2) / variance - 1)
    else {
      const below = (edge: number) => normalBelow((edge - belief) / Math.sqrt(variance))
      const high = x0[i] > 0.999 ? 1 : below(x0[i] + 1 / 255)
      total -= Math.log(high - (x0[i] < -0.999 ? 0 : below(x0[i] - 1 / 255)))
    }
  }
  return total / x0.length / Math.LN2
}

/** The normal distribution function, by the trapezoidal rule. */
function normalBelow(z: number): number {
  const steps = 4000
  let sum = 0
  for (let i = 0; i <= steps; i++)
    sum += (i % steps === 0 ? 0.5 : 1) * Math.exp(-((-9 + ((z + 9) * i) / steps) ** 2) / 2)
  return (sum * (z + 9)) / steps / Math.sqrt(2 * Math.PI)
}

test('the bound is the divergence of the posteriors, and at the first step the surprise at the picture', async () => {
  const { loss, simple, bound } = ddpmLoss(() => concat([guessed, ranged], 1), inputs, learned)
  const got = await evaluate({ loss, simple, bound: bound! }, feeds)
  assertClose(got.bound, [boundOf(guess, range)], 2e-3, 'bound')
  assertClose(got.loss, [got.simple[0] + got.bound[0]], 1e-5, 'L_simple + 0.001 T · L_vlb')
})

test('a network that knows noise and variance has no divergence', async () => {
  const late = { ...inputs, t: constant(Int32Array.of(1, 2, 400, 999), [4]) }
  const { bound } = ddpmLoss(
    () => concat([inputs.eps, constant(new Float32Array(24).fill(-1), shape)], 1),
    late,
    learned,
  )
  assertClose((await evaluate({ bound: bound! }, feeds)).bound, [0], 1e-5, 'bound')
})

test('the bound teaches the variance and leaves the mean alone (Nichol & Dhariwal 2021, section 3.1)', async () => {
  const { bound, simple, loss } = ddpmLoss(() => concat([guessed, ranged], 1), inputs, learned)
  const [fromBound] = grad(bound!, [ranged])
  const [byAll, bySimple] = [loss, simple].map((one) => grad(one, [guessed])[0])
  const got = await evaluate({ fromBound, difference: sub(byAll, bySimple) }, feeds)
  assert.ok(got.difference.every((value) => value === 0))
  const step = 0.01
  for (const at of [2, 9, 20]) {
    const moved = (by: number) =>
      boundOf(
        guess,
        range.map((x, i) => (i === at ? x + by : x)),
      )
    assertClose([got.fromBound[at]], [(moved(step) - moved(-step)) / (2 * step)], 2e-3, `slope of variance ${at}`)
  }
})

test('noise alone at the last step tells nothing of x0: a bound of predicted noise is refused, its mean error not', () => {
  const zero = { rescale_betas_zero_snr: true, variance_type: 'learned_range' }
  const predict = () => concat([guessed, ranged], 1)
  const refused = { code: 'input', message: /needs prediction_type v_prediction or sample/ }
  const byNoise = ddpmConfig.parse(zero)
  assert.throws(() => ddpmLoss(predict, inputs, byNoise), refused)
  assert.throws(() => boundBits(predict, inputs, { config: byNoise, decoder: 'bins' }), refused)
  const byVelocity = ddpmConfig.parse({ ...zero, prediction_type: 'v_prediction' })
  assert.ok(ddpmLoss(predict, inputs, byVelocity).bound)
  assert.ok(ddpmLoss(() => guessed, inputs, ddpmConfig.parse({ rescale_betas_zero_snr: true })).loss)
})

test('the channels must be those of the kind of variance', () => {
  assert.throws(() => ddpmLoss(() => guessed, inputs, learned), /ddpmLoss: with learned_range the network gives twice/)
})
