import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ddpmConfig } from '../diffusion/ddpm.ts'
import { schedulerFromConfig } from '../diffusion/scheduler.ts'
import type { Tensor } from '../graph/index.ts'
import { add, concat, mul, reshape } from '../ops/index.ts'
import { stream } from '../random.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { drawSamples } from './draw-samples.ts'
import { guidedDenoiser } from './guided-denoiser.ts'
import { noiseError } from './noise-error.ts'

const runtime = nodeRuntime({ threads: 1 })
const level = (levels: Tensor) => reshape(levels, [-1, 1, 1, 1])
const told = { level: { shape: [] } }
/** 0, that reads x and t. */
const nothing = (x: Tensor, t: Tensor) => mul(add(x, level(t)), 0)

/** A pretend network that says x0 is what it is told. */
const load = (batch: number, guided = false) =>
  guidedDenoiser(runtime, {
    build:
      () =>
      (x, t, { level: levels }) =>
        add(nothing(x, t), level(levels)),
    ...{ weights: {}, shape: [batch, 1, 2, 2], told, guided },
  })
const scheduler = schedulerFromConfig({ _class_name: 'DDPMScheduler', prediction_type: 'sample' }, 5)

test('each sample is drawn under what it is told', async () => {
  const program = await load(2)
  const levels = [-1, -0.5, 0.25, 1]
  const pixels = await drawSamples(program, {
    ...{ scheduler, seed: 1, count: 4 },
    told: (first) => ({ level: Float32Array.from(levels.slice(first, first + 2)) }),
  })
  assert.ok(pixels.every((value, i) => Math.abs(value - levels[i >> 2]) < 1e-6))
  await assert.rejects(
    drawSamples(program, { scheduler, seed: 1, count: 3 }),
    /count must be a multiple of the batch of 2/,
  )
  await program.release()
})

test('guidance leads away from what the second half is told', async () => {
  const program = await load(1, true)
  const pixels = await drawSamples(program, {
    ...{ scheduler, seed: 1, count: 1 },
    told: () => ({ level: Float32Array.of(0.3, 0.2), guidance: Float32Array.of(4) }),
  })
  assert.ok(
    pixels.every((value) => Math.abs(value - 0.6) < 1e-6),
    `${pixels}`,
  )
  await program.release()
})

test('the error of the noise is 0 for a network that knows x0, ᾱ / (1 − ᾱ) times its square for one that says 0', async () => {
  const x0 = stream({ seed: 2, purpose: 'x0' }).uniform(8)
  const config = ddpmConfig.parse({ prediction_type: 'sample', trained_betas: [0.1, 0.2] })
  const options = { config, times: [0, 1], seed: 1 }
  const told = { shape: [1, 2, 2] }
  for (const variances of [false, true]) {
    const program = await guidedDenoiser(runtime, {
      build:
        () =>
        (x, t, { x0 }) => {
          const known = add(nothing(x, t), x0)
          return variances ? concat([known, known], 1) : known
        },
      ...{ weights: {}, shape: [1, 1, 2, 2], told: { x0: told }, guided: false },
    })
    const errors = await noiseError(program, x0, { ...options, told: (n) => ({ x0: x0.subarray(4 * n, 4 * n + 4) }) })
    assert.ok(errors.every(([, error]) => error < 1e-9))
    const blind = await noiseError(program, x0, { ...options, told: () => ({ x0: new Float32Array(4) }) })
    const square = x0.reduce((sum, x) => sum + x * x, 0) / 8
    for (const [t, error] of blind) {
      const bar = [0.9, 0.72][t]
      assert.ok(Math.abs(error - (bar / (1 - bar)) * square) < 1e-4, `${t}: ${error}`)
    }
    await program.release()
  }
})

test('the error of the noise of fewer pictures than a batch is refused', async () => {
  const program = await load(2)
  const options = { config: ddpmConfig.parse({}), times: [0], seed: 1 }
  await assert.rejects(noiseError(program, new Float32Array(7), options), {
    code: 'usage',
    message: 'noiseError: x0 must hold a batch of [2, 1, 2, 2] or more',
  })
  await program.release()
})
