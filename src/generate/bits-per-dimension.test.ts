import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countingRuntime } from '../../test/counting-runtime.ts'
import { gaussianMixture } from '../data/mixture.ts'
import { ddpmConfig, posterior } from '../diffusion/ddpm.ts'
import { alphaBars } from '../diffusion/schedule.ts'
import { constant, type Tensor } from '../graph/index.ts'
import { cast, gather, mul, reshape, sub } from '../ops/index.ts'
import { stream } from '../random.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { bitsPerDimension } from './bits-per-dimension.ts'

const runtime = nodeRuntime({ threads: 1 })
const [count, D] = [20_000, 2]
const [centre, deviation] = [0.3, 0.4]
const normal = gaussianMixture([{ weight: 1, mean: [centre, centre], deviation }])
const x0 = normal.sample(stream({ seed: 1, purpose: 'data' }), count)
const entropy = Math.log2(deviation * Math.sqrt(2 * Math.PI * Math.E))

/** The best noise predictor of normal data: √(1 − ᾱ) (xt − √ᾱ μ) / (ᾱ σ² + 1 − ᾱ). */
function perfect(bars: Float64Array) {
  const table = (of: (bar: number) => number) => constant(Float32Array.from(bars, of), [bars.length])
  return (xt: Tensor, t: Tensor) => {
    const at = (of: (bar: number) => number) => reshape(gather(table(of), cast(t, 'int32')), [-1, 1])
    const noisy = (bar: number) => bar * deviation ** 2 + 1 - bar
    return mul(
      sub(
        xt,
        at((bar) => Math.sqrt(bar) * centre),
      ),
      at((bar) => Math.sqrt(1 - bar) / noisy(bar)),
    )
  }
}

/** The bound in closed form: x0 given xt is normal with variance V, so E|truth − belief|² is fromX0² V. */
function closedForm(bars: Float64Array, large: boolean): number {
  const at = (t: number) => posterior(bars[t], t > 0 ? bars[t - 1] : 1)
  let nats = 0
  for (let t = 0; t < bars.length; t++) {
    const q = at(t)
    const small = t > 0 ? q.variance : at(1).variance
    const variance = large && t > 0 ? q.beta : small
    const unknown = (deviation ** 2 * (1 - bars[t])) / (bars[t] * deviation ** 2 + 1 - bars[t])
    const away = q.fromX0 ** 2 * unknown
    if (t > 0) nats += 0.5 * (Math.log(variance / small) + (small + away) / variance - 1)
    else nats += 0.5 * (Math.log(2 * Math.PI * variance) + away / variance)
  }
  const last = bars.at(-1)!
  nats += 0.5 * (last * (deviation ** 2 + centre ** 2) - last - Math.log(1 - last))
  return nats / Math.LN2
}

for (const variance_type of ['fixed_small', 'fixed_large'] as const)
  test(`the bound of a perfect denoiser with ${variance_type} is the closed form, and above the entropy`, async () => {
    const process = { num_train_timesteps: 60, beta_start: 0.01, beta_end: 0.2 }
    const config = ddpmConfig.parse({ ...process, variance_type, clip_sample: false })
    const bars = alphaBars(config)
    const { total, prior, steps } = await bitsPerDimension(runtime, x0, {
      build: () => perfect(bars),
      ...{ weights: {}, config, shape: [count, D], decoder: 'density', seed: 1 },
    })
    const want = closedForm(bars, variance_type === 'fixed_large')
    assert.ok(Math.abs(total - want) < 0.02, `${total}, not ${want}`)
    assert.ok(total > entropy, `${total} is below the entropy, ${entropy}`)
    assert.ok(Math.abs(total - prior - steps.reduce((a, b) => a + b)) < 1e-9)
  })

test('with more steps the bound comes nearer to the entropy', async () => {
  const bounds = [20, 100, 500].map((T) => {
    const config = ddpmConfig.parse({ num_train_timesteps: T, beta_start: 0.1 / T, beta_end: Math.min(0.6, 20 / T) })
    return closedForm(alphaBars(config), false) - entropy
  })
  assert.ok(bounds[0] > bounds[1] && bounds[1] > bounds[2] && bounds[2] > 0, bounds.join(', '))
})

test('with bins the bound of data of two levels that the network knows is next to nothing', async () => {
  const levels = Float32Array.from({ length: 128 }, (_, i) => (i % 2 === 0 ? -1 : 1))
  const config = ddpmConfig.parse({
    prediction_type: 'sample',
    beta_start: 1e-6,
    num_train_timesteps: 100,
    beta_end: 0.2,
  }) // first steps finer than a bin
  const build = () => () => constant(levels, [64, 2])
  const options = { build, weights: {}, config, shape: [64, 2], seed: 1 }
  const { total, prior } = await bitsPerDimension(runtime, levels, { ...options, decoder: 'bins' })
  assert.ok(total - prior < 1e-3 && prior > 0, `${total}, ${prior}`)
  await assert.rejects(
    bitsPerDimension(runtime, levels.subarray(2), { ...options, decoder: 'bins' }),
    /some batches of/,
  )
})

test('a bound that is stopped says so, and nothing stays loaded', async () => {
  const { runtime: counting, programs } = countingRuntime(runtime)
  const bound = bitsPerDimension(counting, new Float32Array(4), {
    ...{ build: () => (x) => x, weights: {}, config: ddpmConfig.parse({}), shape: [2, 2], seed: 1 },
    ...{ decoder: 'density', signal: AbortSignal.abort() },
  })
  await assert.rejects(bound, { code: 'stopped' })
  assert.equal(programs.loaded, 0)
})
