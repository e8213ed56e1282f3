import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
import { ddpm, ddpmConfig, diffuse } from '../diffusion/ddpm.ts'
import { alphaBars, betas } from '../diffusion/schedule.ts'
import { stream } from '../random.ts'
import { gaussianMixture } from './mixture.ts'

const two = gaussianMixture([
  { weight: 3, mean: [-1, 0.5], deviation: 0.1 },
  { weight: 1, mean: [1, -0.5], deviation: 0.3 },
])
const mean = (list: ArrayLike<number>) => Array.from(list).reduce((a, b) => a + b) / list.length
const config = ddpmConfig.parse({ clip_sample: false })
const bars = alphaBars(config)

test('points come from the components in the share of their weights', () => {
  const x = two.sample(stream({ seed: 1, purpose: 'points' }), 20_000)
  const left = Array.from({ length: 20_000 }, (_, n) => Number(x[2 * n] < 0))
  assertClose([mean(left)], [0.75], 0.01, 'share')
  const first = Array.from({ length: 20_000 }, (_, n) => x[2 * n]).filter((value) => value < -0.3)
  assertClose([mean(first), Math.sqrt(mean(first.map((v) => (v + 1) ** 2)))], [-1, 0.1], 0.01, 'mean and deviation')
})

test('the density sums to 1, and the score is its slope', () => {
  for (const alphaBar of [1, 0.6]) {
    let total = 0
    const step = 0.05
    for (let x = -5; x < 5; x += step)
      for (let y = -5; y < 5; y += step)
        total += Math.exp(two.moments(Float32Array.of(x, y), alphaBar).logDensity[0]) * step ** 2
    assertClose([total], [1], 1e-4, `density at ${alphaBar}`)
    const at = (x: number, y: number) => two.moments(Float32Array.of(x, y), alphaBar)
    const slope = [
      (at(0.26, -0.3).logDensity[0] - at(0.24, -0.3).logDensity[0]) / 0.02,
      (at(0.25, -0.29).logDensity[0] - at(0.25, -0.31).logDensity[0]) / 0.02,
    ]
    assertClose(at(0.25, -0.3).score, slope, 1e-2, `score at ${alphaBar}`)
  }
})

test('no noise predictor beats the one that is known, and its error is the floor that the variance tells', () => {
  const [t, count] = [300, 40_000]
  const x0 = two.sample(stream({ seed: 2, purpose: 'points' }), count)
  const eps = stream({ seed: 2, purpose: 'noise' }).normal(2 * count)
  const xt = diffuse(x0, eps, [bars[t]])
  const known = two.moments(xt, bars[t])
  const error = (guess: (i: number) => number) => mean(eps.map((e, i) => (e - guess(i)) ** 2))
  const floor = (bars[t] / (1 - bars[t])) * mean(known.variance)
  assertClose([error((i) => known.eps[i])], [floor], 0.02, 'error')
  for (const other of [0.95, 1.05]) assert.ok(error((i) => other * known.eps[i]) > error((i) => known.eps[i]))
})

test('noise in one go is distributed as noise step by step (Ho et al. 2020, equations 2 and 4)', () => {
  const [T, count] = [200, 20_000]
  const beta = betas(config)
  let chain = two.sample(stream({ seed: 3, purpose: 'points' }), count)
  for (let t = 0; t < T; t++) {
    const z = stream({ seed: 3, purpose: 'chain', step: t }).normal(2 * count)
    chain = chain.map((x, i) => Math.sqrt(1 - beta[t]) * x + Math.sqrt(beta[t]) * z[i])
  }
  const x0 = two.sample(stream({ seed: 4, purpose: 'points' }), count)
  const once = diffuse(x0, stream({ seed: 4, purpose: 'noise' }).normal(2 * count), [bars[T - 1]])
  const quantiles = (x: Float32Array) => {
    const sorted = x.filter((_, i) => i % 2 === 0).sort()
    return [0.05, 0.25, 0.5, 0.75, 0.95].map((q) => sorted[Math.floor(q * count)])
  }
  assertClose(quantiles(once), quantiles(chain), 0.03, 'quantiles')
})

test('ancestral sampling with the known noise predictor draws from the mixture', async () => {
  const [steps, count] = [250, 4000]
  const scheduler = ddpm(ddpmConfig.parse({ clip_sample: false, variance_type: 'fixed_small' }), steps)
  let x = stream({ seed: 5, purpose: 'start' }).normal(2 * count)
  for (const [index, t] of scheduler.timesteps.entries()) {
    const noise = stream({ seed: 5, purpose: 'sampling', step: index }).normal(2 * count)
    x = scheduler.step({ prediction: two.moments(x, bars[t]).eps, x, index, noise })
  }
  const right = Array.from({ length: count }, (_, n) => x[2 * n]).filter((value) => value > 0)
  assertClose([right.length / count], [0.25], 0.03, 'share of the second component')
  assertClose([mean(right)], [1], 0.03, 'its mean')
  assertClose([Math.sqrt(mean(right.map((v) => (v - mean(right)) ** 2)))], [0.3], 0.03, 'its deviation')
})

test('components that do not fit each other are refused', () => {
  const bad = (change: object) => () =>
    gaussianMixture([
      { weight: 1, mean: [0, 0], deviation: 1, ...change },
      { weight: 1, mean: [1, 1], deviation: 1 },
    ])
  for (const change of [{ mean: [1] }, { weight: 0 }, { deviation: -1 }, { deviation: Number.NaN }])
    assert.throws(bad(change), { code: 'usage' })
  assert.throws(() => gaussianMixture([]), { code: 'usage' })
})
