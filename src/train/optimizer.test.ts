import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { zeros } from '../nn/init.ts'
import { params } from '../nn/params.ts'
import { nodeRuntime } from '../runtime/node.ts'
import type { OptimizerConfig } from './config.ts'
import { optimizer } from './optimizer.ts'

// Made with PyTorch by test/parity/optimizer.py.
const file = new URL('../../test/cases/optimizer.json', import.meta.url)
const reference = JSON.parse(await readFile(file, 'utf8'))
const { steps, lr, ...settings } = reference.settings
const shapes = Object.entries<number[]>(reference.shapes)

/** First weights (step 0) and gradients, by the formula of the script. */
function values(name: string, step: number): Float32Array {
  const k = Object.keys(reference.shapes).indexOf(name)
  const count = reference.shapes[name].reduce((a: number, b: number) => a * b, 1)
  const scale = step === 0 ? 0.5 : 0.4 * step
  return Float32Array.from({ length: count }, (_, i) => Math.sin(1.3 * i + 2.1 * k + 0.5 * i * step) * scale)
}

async function make(config: OptimizerConfig) {
  const p = params()
  for (const [name, shape] of shapes) p.get(name, shape, zeros)
  const update = await optimizer([...p.all.values()], { ...settings, ...config, runtime: nodeRuntime({ threads: 1 }) })
  update.start(Object.fromEntries(shapes.map(([name]) => [name, values(name, 0)])))
  return update
}

const put = (update: Awaited<ReturnType<typeof make>>, step: number, factor = 1) => {
  for (const [name] of shapes) update.gradients[`gradient ${name}`].set(values(name, step).map((g) => g * factor))
}

function close(got: ArrayLike<number>, want: number[], tolerance: number, what: string) {
  assert.equal(got.length, want.length, what)
  const worst = Math.max(...want.map((w, i) => Math.abs(got[i] - w)))
  assert.ok(worst <= tolerance * Math.max(...want.map(Math.abs)), `${what}: off by ${worst}`)
}

for (const kind of ['adamw', 'muon'] as const)
  test(`${kind} follows PyTorch: weights, running average, gradient norm and clipping over ${steps} steps`, async () => {
    const update = await make(kind === 'muon' ? { muon: (name) => name.startsWith('blocks.') } : {})
    const tolerance = kind === 'muon' ? 2e-4 : 2e-6 // Newton-Schulz amplifies the rounding of its products
    for (let step = 1; step <= steps; step++) {
      put(update, step)
      const norm = await update.apply({ step, lr, scale: 1 })
      assert.ok(Math.abs(norm / reference[kind].norms[step - 1] - 1) < 1e-5)
    }
    for (const [name] of shapes) {
      close(update.weights(false)[name].data, reference[kind].weights[name], tolerance, name)
      close(update.weights(true)[name].data, reference[kind].average[name], tolerance, `average of ${name}`)
      close(update.live[name], reference[kind].weights[name], tolerance, `fed ${name}`)
    }
    await update.release()
  })

test('gradients added over two batches and halved equal the gradient of both', async () => {
  const whole = await make({})
  const halves = await make({})
  for (let step = 1; step <= 2; step++) {
    put(whole, step)
    await whole.apply({ step, lr, scale: 1 })
    put(halves, step, 0.5)
    halves.accumulate(true)
    put(halves, step, 1.5)
    halves.accumulate(false)
    await halves.apply({ step, lr, scale: 0.5 })
  }
  for (const [name] of shapes) close(halves.live[name], [...whole.live[name]], 1e-6, name)
})

test('a stop in between changes no bit: the arrays of the state hold all that the next steps need', async () => {
  const config: OptimizerConfig = { muon: (name) => name.startsWith('blocks.') }
  const first = await make(config)
  const second = await make(config)
  for (let step = 1; step <= 4; step++) {
    put(first, step)
    await first.apply({ step, lr, scale: 1 })
    if (step === 2) second.load(structuredClone(first.arrays()))
    if (step <= 2) continue
    put(second, step)
    await second.apply({ step, lr, scale: 1 })
  }
  for (const [name] of shapes) {
    assert.deepEqual(second.live[name], first.live[name])
    assert.deepEqual(second.weights(true)[name].data, first.weights(true)[name].data)
  }
  await first.release()
  await second.release()
})

test('the state holds weights, buffers and averages in their shapes, and second moments where AdamW uses them', async () => {
  const p = params()
  p.get('blocks.0', [4, 8], zeros)
  p.get('head', [4, 3], zeros)
  p.buffer('norm.mean', [2, 3], zeros)
  p.buffer('norm.count', [], zeros)
  const config = { muon: (name: string) => name.startsWith('blocks.'), runtime: nodeRuntime({ threads: 1 }) }
  const update = await optimizer([...p.all.values()], config)
  const shapes = Object.fromEntries(Object.entries(update.arrays()).map(([name, { shape }]) => [name, shape]))
  assert.deepEqual(shapes, {
    'weights blocks.0': [4, 8],
    'weights head': [4, 3],
    'first blocks.0': [4, 8],
    'first head': [4, 3],
    'second head': [4, 3],
    'average blocks.0': [4, 8],
    'average head': [4, 3],
    'buffers norm.mean': [2, 3],
    'buffers norm.count': [],
  })
  for (const averaged of [false, true])
    assert.deepEqual(
      Object.values(update.weights(averaged)).map(({ data, shape }) => [data.length, shape]),
      [
        [12, [4, 3]],
        [32, [4, 8]],
        [6, [2, 3]],
        [1, []],
      ],
    )
  await update.release()
})

test("another model's state is refused with the first array that does not fit, and changes nothing", async () => {
  const update = await make({})
  const [name, { shape }] = Object.entries(update.arrays())[0]
  const before = structuredClone(update.arrays())
  const refused = (change: (state: typeof before) => void, message: string) => {
    const state = structuredClone(before)
    for (const { data } of Object.values(state)) data.fill(7)
    change(state)
    const error = {
      code: 'input',
      message: `the saved state does not fit the model: ${message}; has the recipe changed since?`,
    }
    assert.throws(() => update.load(state), error)
    assert.deepEqual(update.arrays(), before)
  }
  const list = `[${shape.join(', ')}]`
  refused((state) => delete state[name], `'${name}' ${list} is missing`)
  refused((state) => {
    state[name] = { data: new Float32Array(6), shape: [6] }
  }, `'${name}' is [6] there and ${list} in the model`)
  refused((state) => {
    state['weights other'] = state[name]
    state['first other'] = state[name]
  }, `'weights other' is not in the model, and 1 more do not fit`)
})

test('a gradient that is not finite is named and changes nothing, one that is merely huge is clipped', async () => {
  const update = await make({})
  put(update, 1)
  assert.equal(update.firstNonFinite(), undefined)
  update.gradients['gradient head.weight'][3] = 1e30
  assert.equal(update.firstNonFinite(), undefined)
  const norm = await update.apply({ step: 1, lr, scale: 1 })
  assert.ok(Math.abs(norm / Math.fround(1e30) - 1) < 1e-6)
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    put(update, 1)
    update.gradients['gradient head.bias'][4] = bad
    const before = structuredClone(update.arrays())
    assert.equal(Number.isFinite(await update.apply({ step: 2, lr, scale: 1 })), false)
    assert.equal(update.firstNonFinite(), 'head.bias')
    assert.deepEqual(update.arrays(), before)
  }
})
