import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
import { normalNumbers } from '../../test/model.ts'
import { interpolate } from './flow.ts'
import { type Known, pathAround } from './known.ts'
import { sample } from './sample.ts'
import { schedulerFromConfig } from './scheduler.ts'

const [C, T, H, W] = [2, 3, 2, 2]
const x0 = normalNumbers(1, C, T, H, W)
const eps = normalNumbers(2, C, T, H, W)
const noGiven = [false, false, false]
const scheduler = (steps: number) =>
  schedulerFromConfig({ _class_name: 'FlowMatchEulerDiscreteScheduler', shift: 3 }, steps)

/** Samples around what is known, with a network that says `v` everywhere; every x that it was shown. */
async function drawn(known: Partial<Known>, { steps = 8, v = 5 } = {}) {
  const flow = scheduler(steps)
  const path = pathAround({ x0, plane: H * W, given: noGiven, ...known }, eps, flow)
  const seen: Float32Array[] = []
  let x = path.x
  for await (const event of sample({
    scheduler: path.scheduler,
    denoise: async (x) => {
      seen.push(x)
      return path.velocity(x.map(() => v))
    },
    x,
    from: path.from,
  }))
    x = event.x
  return { x, seen, path, flow }
}

test('given frames are data from the first step to the last, and the network is told time 0 for them', async () => {
  const { x, seen, path } = await drawn({ given: [true, false, true] })
  for (const one of [...seen, x])
    for (let i = 0; i < one.length; i++) {
      const t = Math.floor(i / (H * W)) % T
      if (t !== 1) assert.equal(one[i], x0[i])
    }
  assertClose(
    x.subarray(4, 8),
    eps.subarray(4, 8).map((e) => e - 5),
    1e-5,
    'the frame between',
  )
  assert.deepEqual([...path.times(700)], [0, 700, 0])
})

test('where nothing is to be drawn, x runs straight from the noise to the data', async () => {
  const { x, seen, flow } = await drawn({ drawn: Float32Array.of(0, 1, 0, 1) })
  seen.forEach((one, index) => {
    const want = interpolate(x0, eps, [flow.sigmas![index]])
    for (let i = 0; i < one.length; i += 2) assert.ok(Math.abs(one[i] - want[i]) < 1e-5)
  })
  for (let i = 0; i < x.length; i++) assert.ok(Math.abs(x[i] - (i % 2 === 0 ? x0[i] : eps[i] - 5)) < 1e-5, `place ${i}`)
})

test('a drawing begins with the noise of its strength, whatever the times of the sampler are', async () => {
  const { sigmas } = scheduler(8)
  for (const strength of [0.6, 0.3, 1e-6]) {
    const { x, seen, path } = await drawn({ strength })
    const left = sigmas!.filter((sigma) => sigma < strength)
    assert.deepEqual(path.scheduler.sigmas!.slice(path.from), [Math.fround(strength), ...left])
    assert.equal(path.scheduler.timesteps[path.from], Math.fround(Math.fround(strength) * 1000))
    assert.equal(seen.length, left.length)
    assertClose(path.x, interpolate(x0, eps, [strength]), 1e-6, 'first x')
    assertClose(
      x,
      path.x.map((value) => value - strength * 5),
      1e-5,
      'last x',
    )
  }
})

test('with a strength of 1, or that of a time of the sampler, the times stay as they are', async () => {
  const { sigmas, timesteps } = scheduler(8)
  for (const from of [0, 3]) {
    const { path } = await drawn({ strength: sigmas![from] })
    assert.deepEqual([path.from, path.scheduler.sigmas, path.scheduler.timesteps], [from, sigmas, timesteps])
  }
})

test('with nothing known it is the path of plain sampling', async () => {
  const { path } = await drawn({})
  assert.deepEqual(path.x, eps)
  assert.equal(path.from, 0)
  const v = normalNumbers(3, C, T, H, W)
  assert.deepEqual(path.velocity(v), v)
})

test('a sampler that does not run along a flow is refused', () => {
  const ddim = schedulerFromConfig({ _class_name: 'DDIMScheduler' }, 4)
  assert.throws(() => pathAround({ x0, plane: 4, given: noGiven }, eps, ddim), { code: 'usage' })
})

test('a sampler that draws noise at each step or runs from the data to noise is refused, as neither keeps what is known', () => {
  for (const setting of ['stochastic_sampling', 'invert_sigmas']) {
    const flow = schedulerFromConfig({ _class_name: 'FlowMatchEulerDiscreteScheduler', [setting]: true }, 4)
    assert.throws(() => pathAround({ x0, plane: 4, given: noGiven }, eps, flow), {
      code: 'input',
      message: /stochastic_sampling or invert_sigmas cannot draw from a picture or clip/,
    })
  }
})
