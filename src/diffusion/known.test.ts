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
    scheduler: flow,
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

test('a strength begins with the noise of the first time that is no larger', async () => {
  const { path, seen, flow } = await drawn({ strength: 0.6 })
  assert.ok(flow.sigmas![path.from] <= 0.6 && flow.sigmas![path.from - 1] > 0.6)
  assert.equal(seen.length, 8 - path.from)
  assertClose(path.x, interpolate(x0, eps, [flow.sigmas![path.from]]), 1e-6, 'first x')
  // However small, one step is left.
  assert.equal((await drawn({ strength: 1e-6 })).seen.length, 1)
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
