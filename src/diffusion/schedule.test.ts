import assert from 'node:assert/strict'
import { test } from 'node:test'
import { alphaBars, betas, scheduleConfig, spacedTimesteps } from './schedule.ts'

const config = (settings: object = {}) => scheduleConfig.parse(settings)
const close = (got: number, want: number, tolerance = 1e-12) =>
  assert.ok(Math.abs(got - want) <= tolerance * Math.abs(want), `${got} is not ${want}`)

test('the linear schedule of the DDPM paper ends with 4e-5 of the picture', () => {
  const b = betas(config())
  assert.deepEqual([b[0], b[999]], [1e-4, 0.02])
  close(alphaBars(config())[999], 4.0358e-5, 1e-4)
})

test('the "scaled linear" schedule of Stable Diffusion is linear in the root of beta', () => {
  const b = betas(config({ beta_schedule: 'scaled_linear', beta_start: 0.00085, beta_end: 0.012 }))
  close(Math.sqrt(b[500]) - Math.sqrt(b[499]), (Math.sqrt(0.012) - Math.sqrt(0.00085)) / 999, 1e-9)
  close(b[999], 0.012)
})

test('the cosine schedule keeps the share of the picture that its formula names, and never takes more than 0.999 of it', () => {
  const cosine = config({ beta_schedule: 'squaredcos_cap_v2' })
  const bars = alphaBars(cosine)
  const f = (t: number) => Math.cos((((t / 1000 + 0.008) / 1.008) * Math.PI) / 2) ** 2
  for (const t of [1, 100, 500, 900]) close(bars[t - 1], f(t) / f(0), 1e-9)
  assert.equal(betas(cosine)[999], 0.999)
})

test('the sigmoid schedule has the betas of its formula', () => {
  const b = betas(config({ beta_schedule: 'sigmoid' }))
  for (const t of [0, 1, 333, 999]) close(b[t], 1e-4 + (0.02 - 1e-4) / (1 + Math.exp(6 - (12 * t) / 999)))
})

test('the laplace schedule keeps the share of the picture that its formula names', () => {
  // betas_for_alpha_bar of diffusers, whose sign at the middle is that before it.
  const f = (u: number) => {
    const sign = u > 0.5 ? -1 : 1
    const snr = Math.exp(-0.5 * sign * Math.log(1 - 2 * Math.abs(0.5 - u) + 1e-6))
    return Math.sqrt(snr / (1 + snr))
  }
  const settings = config({ beta_schedule: 'laplace' })
  const [b, bars] = [betas(settings), alphaBars(settings)]
  for (const t of [0, 1, 250, 499, 500, 501, 750, 998]) {
    close(b[t], 1 - f((t + 1) / 1000) / f(t / 1000))
    close(bars[t], f((t + 1) / 1000) / f(0), 1e-9)
  }
})

test('every schedule only ever removes: betas lie in (0, 1) and alpha bar falls', () => {
  for (const beta_schedule of ['linear', 'scaled_linear', 'squaredcos_cap_v2', 'sigmoid', 'laplace'] as const)
    for (const rescale_betas_zero_snr of [false, true]) {
      const settings = config({ beta_schedule, rescale_betas_zero_snr })
      assert.ok(betas(settings).every((b, t) => b > 0 && (b < 1 || (rescale_betas_zero_snr && t === 999))))
      const bars = alphaBars(settings)
      for (let t = 1; t < 1000; t++) assert.ok(bars[t] < bars[t - 1])
      if (rescale_betas_zero_snr) assert.ok(bars[999] < 1e-30)
    }
})

test('rescaling to zero signal leaves the first step as it was', () => {
  close(alphaBars(config({ rescale_betas_zero_snr: true }))[0], 1 - 1e-4, 1e-10)
})

test('given betas are used as they are', () => {
  assert.deepEqual([...betas(config({ trained_betas: [0.1, 0.2] }))], [0.1, 0.2])
  assert.deepEqual(spacedTimesteps(config({ trained_betas: [0.1, 0.2] }), 2), [1, 0])
})

test('time steps are spaced as in table 2 of Lin et al.', () => {
  const spaced = (timestep_spacing: string, steps: number, more = {}) =>
    spacedTimesteps(config({ timestep_spacing, ...more }), steps)
  assert.deepEqual(spaced('leading', 10), [900, 800, 700, 600, 500, 400, 300, 200, 100, 0])
  assert.deepEqual(spaced('leading', 3, { steps_offset: 1 }), [667, 334, 1])
  assert.deepEqual(spaced('trailing', 10), [999, 899, 799, 699, 599, 499, 399, 299, 199, 99])
  assert.deepEqual(spaced('linspace', 3), [999, 500, 0]) // 499.5 rounds to the even 500, as in NumPy
  // Here the exact numbers end in a half, and those of NumPy lie just beside it.
  assert.deepEqual([spaced('linspace', 27)[13], spaced('linspace', 31)[15]], [499, 499])
  assert.deepEqual([spaced('trailing', 48)[3], spaced('trailing', 96)[18]], [936, 812])
  for (const kind of ['leading', 'trailing', 'linspace'])
    for (const steps of [1, 6, 7, 30, 999, 1000]) {
      const t = spaced(kind, steps)
      assert.equal(t.length, steps)
      assert.ok(t.every((value, i) => value >= 0 && value < 1000 && (i === 0 || value < t[i - 1])))
    }
})
