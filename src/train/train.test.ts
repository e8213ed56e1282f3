import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { assertClose } from '../../test/close.ts'
import { input, type Tensor } from '../graph/index.ts'
import { batchNorm, lecunNormal, linear, type Params } from '../nn/index.ts'
import { add, exp, log, mean, mul, relu, sqrt, square, sub } from '../ops/index.ts'
import { stream } from '../random.ts'
import { nodeRuntime } from '../runtime/node.ts'
import type { TrainConfig } from './config.ts'
import { constant } from './lr.ts'
import { type TrainEvent, type TrainState, train } from './train.ts'

const runtime = nodeRuntime({ threads: 1 })

interface Changes extends Partial<TrainConfig> {
  readonly rows?: number
  readonly samplesBefore?: (step: number) => number
}

/** A regression of two layers on numbers drawn for each sample of each step. */
function regression({ rows = 8, samplesBefore = (step) => step * rows, ...changes }: Changes = {}): TrainConfig {
  return {
    name: 'regression',
    seed: 3,
    steps: 4,
    samples: rows,
    build(p) {
      const hidden = relu(linear(p.at('up'), 4, 16)(input('x', [rows, 4])))
      const y = linear(p.at('down'), 16, 2)(hidden)
      return { loss: mean(square(sub(y, input('y', [rows, 2])))) }
    },
    batch(step) {
      const [x, y] = [new Float32Array(rows * 4), new Float32Array(rows * 2)]
      for (let b = 0; b < rows; b++) {
        const numbers = stream({ seed: 3, purpose: 'sample', sample: samplesBefore(step) + b })
        numbers.normal(x.subarray(b * 4, b * 4 + 4))
        numbers.normal(y.subarray(b * 2, b * 2 + 2))
      }
      return { x, y }
    },
    lr: constant({ peak: 0.01 }),
    ...changes,
  }
}

/** All events of a run, with the state that the last one showed, copied. */
async function run(config: TrainConfig, options: Partial<Parameters<typeof train>[1]> = {}) {
  const events: TrainEvent[] = []
  let state: TrainState | undefined
  for await (const event of train(config, { runtime, ...options })) {
    const { step, arrays, weights } = event.state
    state = { step, arrays: structuredClone(arrays), weights }
    events.push(event)
  }
  const steps = events.filter((event) => event.kind === 'step')
  return { events, steps, losses: steps.map((event) => event.loss), state: state! }
}

test('training lowers the loss, tells the number of weights first, and reports the learning rate of each step', async () => {
  const { events, steps, losses } = await run(regression({ steps: 40, samplesBefore: () => 0 }))
  assert.equal(events[0].kind === 'ready' && events[0].parameters, 4 * 16 + 16 + 16 * 2 + 2)
  assert.deepEqual(
    steps.map(({ step }) => step),
    Array.from({ length: 40 }, (_, i) => i + 1),
  )
  assert.ok(losses[39] < 0.5 * losses[0], `${losses[0]} → ${losses[39]}`)
  assert.ok(steps.every(({ lr, gradientNorm }) => lr === 0.01 && gradientNorm > 0))
})

test('gradients accumulated over four batches equal those of one batch of all their samples', async () => {
  const parts = await run(regression({ rows: 8, accumulate: 4 }))
  const whole = await run(regression({ rows: 32 }))
  assertClose(parts.losses, whole.losses, 1e-6, 'losses')
  assertClose(
    parts.steps.map((one) => one.gradientNorm),
    whole.steps.map((one) => one.gradientNorm),
    1e-5,
    'norms',
  )
  for (const [name, { data }] of Object.entries(whole.state.arrays)) {
    const scale = Math.max(...data.map(Math.abs)) // moments are small: compare them with their own size
    assertClose(
      parts.state.arrays[name].data.map((v) => v / scale),
      data.map((v) => v / scale),
      2e-5,
      name,
    )
  }
})

test('a run that goes on from a copy of its state ends in the same bits, also in the middle of an epoch of batches', async () => {
  const config = regression({ steps: 6, accumulate: 2, optimizer: { muon: (name: string) => name === 'up.weight' } })
  const whole = await run(config)
  const first = await run({ ...config, steps: 2 })
  const rest = await run(config, { resume: first.state })
  assert.deepEqual([...first.losses, ...rest.losses], whole.losses)
  assert.deepEqual(rest.state.arrays, whole.state.arrays)
})

test('batches that are computed at the same time give the run of those that follow each other', async () => {
  const config = regression({ accumulate: 3, optimizer: { muon: (name: string) => name === 'up.weight' } })
  const turns = await run(config)
  const made: number[] = []
  const batch = (at: number) => {
    made.push(at)
    return config.batch(at)
  }
  const together = await run({ ...config, batch, workers: 2 })
  assert.deepEqual(together.losses, turns.losses)
  assert.deepEqual(together.state.arrays, turns.state.arrays)
  assert.deepEqual(made, [...Array(12).keys()]) // each once, in order, and none beyond the last
})

test('a batch that cannot be made ends the run with its error, also when it is made ahead', async () => {
  const config = regression({ accumulate: 2, workers: 2 })
  const batch = (at: number) => {
    if (at === 5) throw new Error('no more data')
    return config.batch(at)
  }
  await assert.rejects(run({ ...config, batch }), { message: 'no more data' })
})

test('frozen parameters stay as they are, and the others learn as if they could not move', async () => {
  const frozen = (name: string) => name.startsWith('up.')
  const { steps, losses, state } = await run(regression({ steps: 6, samplesBefore: () => 0, frozen }))
  const all = state.weights(false)
  const first = await run(regression({ steps: 1, samplesBefore: () => 0, frozen }))
  for (const name of ['up.weight', 'up.bias']) assert.deepEqual(all[name], first.state.weights(true)[name])
  assert.notDeepEqual(all['down.weight'], first.state.weights(false)['down.weight'])
  assert.ok(losses[5] < losses[0])
  assert.ok(steps.every(({ gradientNorm }) => gradientNorm > 0))
  assert.ok(!Object.keys(state.arrays).some((name) => /^(first|second|average) up/.test(name)))
  await assert.rejects(run(regression({ frozen: () => true })), {
    code: 'usage',
    message: 'train: there is nothing to train: 4 parameters, all frozen',
  })
  assert.deepEqual((await run(regression({ frozen: () => false }))).losses, (await run(regression())).losses)
})

test('running statistics that are frozen stay as they are', async () => {
  const build: TrainConfig['build'] = (p, updates) => {
    const y = linear(p.at('down'), 4, 2)(batchNorm(p.at('norm'), 4, { training: updates })(input('x', [8, 4])))
    return { loss: mean(square(sub(y, input('y', [8, 2])))) }
  }
  const { state } = await run(regression({ build, frozen: (name) => name.startsWith('norm.') }))
  assert.deepEqual([...state.arrays['buffers norm.running_mean'].data], [0, 0, 0, 0])
})

test('batch normalisation: the running statistics follow each batch and come back with the state', async () => {
  const rows = 6
  const build: TrainConfig['build'] = (p, updates) => {
    const x = input('x', [rows, 4])
    const y = linear(p.at('down'), 4, 2)(batchNorm(p.at('norm'), 4, { training: updates })(x))
    return { loss: mean(square(sub(y, input('y', [rows, 2])))) }
  }
  const config = regression({ rows, steps: 3, build, accumulate: 2, workers: 2 })
  const { state } = await run(config)
  // By hand, as PyTorch defines it: 0.9 of the old and 0.1 of the batch's mean and unbiased variance.
  const [means, variances] = [new Float64Array(4), new Float64Array(4).fill(1)]
  for (let step = 0; step < 6; step++) {
    const { x } = (await config.batch(step)) as { x: Float32Array }
    for (let c = 0; c < 4; c++) {
      const column = [...x].filter((_, i) => i % 4 === c)
      const average = column.reduce((a, b) => a + b) / rows
      const variance = column.reduce((sum, v) => sum + (v - average) ** 2, 0) / (rows - 1)
      means[c] = 0.9 * means[c] + 0.1 * average
      variances[c] = 0.9 * variances[c] + 0.1 * variance
    }
  }
  assertClose(state.arrays['buffers norm.running_mean'].data, means, 1e-5, 'means')
  assertClose(state.arrays['buffers norm.running_var'].data, variances, 1e-5, 'variances')
  assert.deepEqual([...state.arrays['buffers norm.num_batches_tracked'].data], [6])
  assert.deepEqual(state.arrays['buffers norm.num_batches_tracked'].shape, [])
  const again = await run({ ...config, steps: 1 })
  assert.deepEqual((await run(config, { resume: again.state })).state.arrays, state.arrays)
})

test('the signal ends the run after the step it came in, and a run without steps left does none', async () => {
  const stop = new AbortController()
  const done: number[] = []
  for await (const event of train(regression({ steps: 9 }), { runtime, signal: stop.signal })) {
    if (event.kind === 'step') done.push(event.step)
    if (done.length === 2) stop.abort()
  }
  assert.deepEqual(done, [1, 2])
  const { state } = await run(regression({ steps: 2 }))
  assert.deepEqual((await run(regression({ steps: 2 }), { resume: state })).losses, [])
})

test('given weights are the first weights; one of another size, or of no parameter, is refused', async () => {
  const config = regression({ steps: 1, lr: () => 0 })
  const bias = Float32Array.of(5, -5)
  const { state } = await run(config, { weights: { 'down.bias': bias } })
  assert.deepEqual(state.arrays['weights down.bias'].data, bias)
  const fails = (weights: Record<string, Float32Array>, message: string) =>
    assert.rejects(run(config, { weights }), { code: 'input', message })
  await fails({ 'down.bias': new Float32Array(3) }, "first weights: 'down.bias' holds 3 numbers, not 2")
  await fails({ 'down.bia': bias }, "first weights: 'down.bia' is not in the model")
})

test("another recipe's state is refused", async () => {
  const { state } = await run(regression({ steps: 1 }))
  const build = (p: Params) => ({ loss: mean(square(linear(p.at('up'), 4, 3)(input('x', [8, 4])))) })
  await assert.rejects(run(regression({ build }), { resume: state }), {
    code: 'input',
    message:
      "the saved state does not fit the model: 'weights up.weight' is [16, 4] there and [3, 4] in the model, and 15 more do not fit; has the recipe changed since?",
  })
})

test('what is reported must be one number, and what is updated a buffer of that shape', async () => {
  const x = (p: Params) => linear(p.at('up'), 4, 2)(input('x', [8, 4]))
  await assert.rejects(run(regression({ build: (p: Params) => ({ loss: mean(x(p)), y: x(p.at('b')) }) })), {
    message: "train: 'y' must hold one number (got y [8, 2])",
  })
  const build: TrainConfig['build'] = (p, updates) => {
    const y = x(p)
    updates.set('up.bias', mean(y))
    return { loss: mean(y) }
  }
  await assert.rejects(run(regression({ build })), /'up.bias' must be a buffer of that shape to be updated/)
})

/** Trains on w · x and a term in which something goes wrong at the third step. */
const failing = (term: (x: Tensor, w: Tensor) => Tensor, bad: number) =>
  regression({
    build(p: Params) {
      const w = p.at('head').get('w', [4], lecunNormal)
      const x = input('x', [4])
      return { loss: add(mean(mul(w, x)), p.at('head').scoped(term)(x, w)) }
    },
    batch: (step: number) => ({ x: new Float32Array(4).fill(step === 2 ? bad : 1) }),
  })

test('a NaN ends the run, names the step and the value in which it arose, and leaves the weights of the step before', async () => {
  const done: number[] = []
  let state: TrainState | undefined
  const follow = async (config: TrainConfig) => {
    done.length = 0
    for await (const event of train(config, { runtime })) {
      state = event.state
      if (event.kind === 'step') done.push(event.step)
    }
  }
  const fails = async (config: TrainConfig, message: string) => {
    await assert.rejects(follow(config), { code: 'numeric', message })
    assert.deepEqual(done, [1, 2])
    const { state: before } = await run({ ...config, steps: 2 })
    assert.deepEqual(state?.arrays, before.arrays)
  }
  const after = 'is not a finite number'
  const still = 'the weights are still those of step 2'
  await fails(
    failing((x) => mean(log(x)), -1),
    `step 3: the output of log [4] in head ${after} (loss NaN); ${still}`,
  )
  await fails(
    failing((x) => mean(exp(mul(x, 50))), 2),
    `step 3: the output of exp [4] in head ${after} (loss Infinity); ${still}`,
  )
  await fails(
    failing((x, w) => mean(sqrt(mul(square(w), x))), 0), // its slope at 0 is infinite
    `step 3: the output of div [4] in head (backward) ${after} (loss 0); ${still}`,
  )
  await fails(
    failing((x) => mean(x), Number.NaN),
    `step 3: 'x' [4] ${after} (loss NaN); ${still}`,
  )
})

/** What a run that ends with an error leaves behind, and the error. */
async function broken(config: TrainConfig) {
  const kinds: string[] = []
  let state: TrainState | undefined
  let error: { code?: string; message?: string } = {}
  try {
    for await (const event of train(config, { runtime })) {
      kinds.push(event.kind)
      state = event.state
    }
  } catch (thrown) {
    error = thrown as typeof error
  }
  return { kinds, state, error }
}

test('a learning rate that is no number ends the run before anything is changed', async () => {
  const config = regression({ lr: (step) => [0.1, 0.1][step - 1] })
  const { kinds, state, error } = await broken(config)
  assert.equal(error.code, 'input')
  assert.equal(error.message, 'step 3: the learning rate must be a finite number, not undefined')
  assert.deepEqual(kinds, ['ready', 'step', 'step', 'failed'])
  assert.deepEqual(state?.arrays, (await run({ ...config, steps: 2 })).state.arrays)
})

test('running statistics are those of the step before too where a step fails', async () => {
  const build: TrainConfig['build'] = (p, updates) => {
    const y = linear(p.at('down'), 4, 2)(batchNorm(p.at('norm'), 4, { training: updates })(input('x', [8, 4])))
    return { loss: mean(square(sub(y, input('y', [8, 2])))) }
  }
  const good = regression({ build, accumulate: 2 })
  const nan = async (at: number) => (at === 4 ? { x: new Float32Array(32).fill(NaN) } : {})
  const none = async (at: number) => {
    if (at === 5) throw new Error('no more data') // after the first batch of the third step
    return {}
  }
  for (const change of [nan, none]) {
    const batch = async (at: number) => ({ ...(await good.batch(at)), ...(await change(at)) })
    const { state, kinds } = await broken({ ...good, batch })
    assert.equal(kinds.at(-1), 'failed')
    assert.deepEqual(state?.arrays, (await run({ ...good, steps: 2 })).state.arrays)
  }
})

test('memory stays flat over 500 steps', async () => {
  const script = fileURLToPath(new URL('../../test/flat-memory.ts', import.meta.url))
  const args = ['--import', 'tsx', '--conditions=source', '--expose-gc', script]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  const [early, middle, late] = JSON.parse(stdout)
  // One copy of the gradients kept each step would be 60 MB in each half; a heap that grows once does so in one of them.
  const least = Math.min(middle - early, late - middle)
  assert.ok(
    least < 4e6 && late - early < 30e6,
    `${early} bytes after 300 steps, ${middle} after 550, ${late} after 800`,
  )
})
