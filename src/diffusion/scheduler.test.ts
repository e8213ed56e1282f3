import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
import { parseSafetensors } from '../files/safetensors.ts'
import { stream } from '../random.ts'
import { sample } from './sample.ts'
import { schedulerFromConfig } from './scheduler.ts'

const root = new URL('../../test/cases/schedulers/', import.meta.url)

/** The pretend network of the stored runs: f(x, t) = 0.7 x + 0.3 sin(3 x + t / 100). */
const pretend = (x: Float32Array, t: number) => x.map((v) => 0.7 * v + 0.3 * Math.sin(3 * v + t / 100))

const worst = (got: ArrayLike<number>, want: ArrayLike<number>) => {
  assert.equal(got.length, want.length)
  let [error, size] = [0, 0]
  for (let i = 0; i < want.length; i++) {
    error = Math.max(error, Math.abs(got[i] - want[i]))
    size = Math.max(size, Math.abs(want[i]))
  }
  return error / size
}

for (const name of (await readdir(root)).sort())
  test(`${name} takes the same times and states as diffusers`, async () => {
    const json = async (file: string) => JSON.parse(await readFile(new URL(`${name}/${file}`, root), 'utf8'))
    const { tensors } = parseSafetensors(await readFile(new URL(`${name}/expected.safetensors`, root)), name)
    const stored = (key: string) => tensors.get(key)!.data as Float32Array
    const { steps } = await json('case.json')
    const scheduler = schedulerFromConfig(await json('scheduler_config.json'), steps)
    assert.ok(worst(scheduler.timesteps, stored('output.timesteps')) < 1e-6)
    const draws = new Map(
      scheduler.timesteps
        .map((_, index) => index)
        .filter((index) => scheduler.drawsNoise(index))
        .map((index, draw) => [index, `input.noise_${String(draw).padStart(3, '0')}`]),
    )
    assert.equal(draws.size, [...tensors.keys()].filter((key) => key.startsWith('input.noise')).length)
    const run = sample({
      scheduler,
      denoise: async (x, t) => pretend(x, t),
      x: stored('input.start'),
      noise: (index) => stored(draws.get(index)!),
      batch: 2,
    })
    let done = 0
    for await (const { step, x } of run) {
      const error = worst(x, stored(`output.x_${String(step - 1).padStart(3, '0')}`))
      assert.ok(error < 1e-5, `step ${step}: off by ${error}`)
      done = step
    }
    assert.equal(done, steps)
  })

const shape = 3 * 8 * 8
const x0 = stream({ seed: 1, purpose: 'x0' })
  .uniform(shape)
  .map((u) => 2 * u - 1)
const start = stream({ seed: 1, purpose: 'start' }).normal(shape)
const noise = (index: number) => stream({ seed: 1, purpose: 'noise', step: index }).normal(shape)

async function last(config: object, denoise: (x: Float32Array, t: number) => Float32Array, steps = 20, eta?: number) {
  const scheduler = schedulerFromConfig(config, steps, { eta })
  let end = start
  for await (const { x } of sample({ scheduler, denoise: async (x, t) => denoise(x, t), x: start, noise })) end = x
  return end
}

/** ᾱ of the linear schedule. */
const bars = (t: number) => {
  let product = 1
  for (let i = 0; i <= t; i++) product *= 1 - (1e-4 + ((0.02 - 1e-4) * i) / 999)
  return product
}

test('every sampler returns x0 when the network knows it', async () => {
  const eps = (x: Float32Array, t: number) => x.map((v, i) => (v - Math.sqrt(bars(t)) * x0[i]) / Math.sqrt(1 - bars(t)))
  const v = (x: Float32Array, t: number) =>
    eps(x, t).map((e, i) => Math.sqrt(bars(t)) * e - Math.sqrt(1 - bars(t)) * x0[i])
  const flow = (x: Float32Array, t: number) => x.map((value, i) => (value - x0[i]) / (t / 1000))
  const cases: [object, (x: Float32Array, t: number) => Float32Array, number?][] = [
    [{ _class_name: 'DDPMScheduler' }, eps],
    [{ _class_name: 'DDPMScheduler', prediction_type: 'sample', clip_sample: false }, () => x0],
    [{ _class_name: 'DDPMScheduler', prediction_type: 'v_prediction', clip_sample: false }, v],
    [{ _class_name: 'DDIMScheduler', clip_sample: false }, eps],
    [{ _class_name: 'DDIMScheduler', clip_sample: false }, eps, 0.7],
    [{ _class_name: 'DDIMScheduler', prediction_type: 'v_prediction', thresholding: true }, v],
    [{ _class_name: 'FlowMatchEulerDiscreteScheduler', shift: 5 }, flow],
  ]
  for (const [config, network, eta] of cases)
    assert.ok(worst(await last(config, network, 20, eta), x0) < 1e-3, JSON.stringify(config))
})

test('x0 is clipped to its range, or by dynamic thresholding to a quantile of each sample between 1 and the maximum', () => {
  for (const _class_name of ['DDPMScheduler', 'DDIMScheduler']) {
    /** What the last step makes of three samples of four numbers, which it takes for x0. */
    const kept = (settings: object) => {
      const scheduler = schedulerFromConfig({ _class_name, prediction_type: 'sample', ...settings }, 1)
      const prediction = Float32Array.of(...[0, 1, -2, 3], ...[10, -8, 2, 9], ...[0.5, -0.25, 0.1, 3])
      return scheduler.step({ prediction, x: new Float32Array(12), index: 0, batch: 3 })
    }
    const thresholding = { thresholding: true, dynamic_thresholding_ratio: 0.5, sample_max_value: 4 }
    // The medians of the sizes are 1.5, 8.5 and 0.375.
    const want = [...[0, 2 / 3, -1, 1], ...[1, -1, 0.5, 1], ...[0.5, -0.25, 0.1, 1]]
    assertClose(kept(thresholding), want, 1e-6, `${_class_name}, thresholding`)
    const clipped = [...[0, 1, -2, 2], ...[2, -2, 2, 2], ...[0.5, -0.25, 0.1, 2]]
    assertClose(kept({ clip_sample_range: 2 }), clipped, 1e-6, `${_class_name}, range`)
  }
})

test('a prediction of another size than x is refused, as one that holds variances beside', async () => {
  const kinds: object[] = [
    { _class_name: 'DDPMScheduler' },
    { _class_name: 'DDIMScheduler' },
    { _class_name: 'FlowMatchEulerDiscreteScheduler' },
  ]
  for (const config of kinds)
    for (const length of [2 * shape, shape - 1])
      await assert.rejects(
        last(config, () => new Float32Array(length)),
        {
          code: 'input',
          message: `scheduler: the prediction must be as large as x (got ${length} numbers for ${shape})`,
        },
      )
})

test('DDIM with eta 1 draws the noise of DDPM, where no x0 is clipped', async () => {
  const config = { clip_sample: false, timestep_spacing: 'leading' }
  const ddpm = await last({ ...config, _class_name: 'DDPMScheduler' }, pretend, 50)
  const ddim = await last({ ...config, _class_name: 'DDIMScheduler' }, pretend, 50, 1)
  assert.ok(worst(ddim, ddpm) < 1e-4)
})

test('learned variances are taken as they are, or lie between the logarithms of the fixed ones, sample by sample', () => {
  const base = { _class_name: 'DDPMScheduler', clip_sample: false }
  const make = (variance_type: string) => schedulerFromConfig({ ...base, variance_type }, 10)
  const mean = pretend(start, 5)
  const half = shape / 2
  /** Predictions of a batch of two, each half its channels followed by one value as its variances. */
  const mixed = (first: number, second = first) => {
    const out = new Float32Array(2 * shape).fill(first)
    out.fill(second, shape)
    out.set(mean.subarray(0, half), 0)
    out.set(mean.subarray(half), shape)
    return out
  }
  const step = (kind: string, prediction: Float32Array, drawn = noise(4)) =>
    make(kind).step({ prediction, x: start, index: 4, noise: drawn, batch: 2 })
  assert.ok(worst(step('learned_range', mixed(-1)), step('fixed_small', mean)) < 1e-6)
  assert.ok(worst(step('learned_range', mixed(1)), step('fixed_large', mean)) < 1e-6)
  // The noise that a step adds to each sample, by its deviation. The fifth of 10 steps goes from 500 to 400.
  const added = (kind: string, prediction: Float32Array) => {
    const [noisy, quiet] = [step(kind, prediction), step(kind, prediction, new Float32Array(shape))]
    return noisy.map((v, i) => v - quiet[i])
  }
  const drawn = (first: number, second: number) => noise(4).map((v, i) => v * (i < half ? first : second))
  assertClose(added('learned', mixed(0.25, 4)), drawn(0.5, 2), 1e-5, 'learned')
  const beta = 1 - bars(500) / bars(400)
  const small = (beta * (1 - bars(400))) / (1 - bars(500))
  // 0 is the geometric mean of both variances, 1 the larger one.
  const range = drawn((small * beta) ** 0.25, Math.sqrt(beta))
  assertClose(added('learned_range', mixed(0, 1)), range, 1e-5, 'learned range')
  assert.throws(() => step('learned_range', mean), /twice the channels/)
})

test('the sampler stops between two steps when its signal is aborted, and may begin on the way', async () => {
  const stop = new AbortController()
  const scheduler = schedulerFromConfig({ _class_name: 'DDIMScheduler' }, 10)
  const run = sample({ scheduler, denoise: async (x) => x, x: start, signal: stop.signal })
  await run.next()
  stop.abort()
  await assert.rejects(run.next(), { code: 'stopped', message: 'stopped before step 2 of 10' })
  const steps: number[] = []
  for await (const { step } of sample({ scheduler, denoise: async (x) => x, x: start, from: 7 })) steps.push(step)
  assert.deepEqual(steps, [8, 9, 10])
})

test('settings that cannot work are refused in words', () => {
  const refuse = (config: unknown, steps: number, message: RegExp) =>
    assert.throws(() => schedulerFromConfig(config, steps), { name: 'TubeletError', message })
  refuse(null, 1, /_class_name must be DDPMScheduler, .* not undefined/)
  refuse({ _class_name: 'PNDMScheduler' }, 1, /not PNDMScheduler/)
  refuse({ _class_name: 'DDPMScheduler', beta_schedule: 'cubic' }, 1, /^scheduler_config.json: beta_schedule: /)
  refuse({ _class_name: 'DDPMScheduler', beta_start: -1 }, 1, /beta_start/)
  refuse(
    { _class_name: 'DDPMScheduler', rescale_betas_zero_snr: true, timestep_spacing: 'trailing' },
    5,
    /needs prediction_type/,
  )
  refuse(
    { _class_name: 'FlowMatchEulerDiscreteScheduler', use_beta_sigmas: true },
    5,
    /use_beta_sigmas: is not supported/,
  )
  refuse({ _class_name: 'FlowMatchEulerDiscreteScheduler', use_dynamic_shifting: true }, 5, /give mu/)
  for (const steps of [0, 1.5, 1001]) refuse({ _class_name: 'DDIMScheduler' }, steps, new RegExp(`not ${steps}`))
  refuse({ _class_name: 'DDIMScheduler', steps_offset: 1 }, 1000, /at most 999 steps fit/)
  const scheduler = schedulerFromConfig({ _class_name: 'DDPMScheduler' }, 2)
  assert.throws(() => scheduler.step({ prediction: start, x: start, index: 0 }), {
    code: 'usage',
    message: /step 0 needs noise/,
  })
})
