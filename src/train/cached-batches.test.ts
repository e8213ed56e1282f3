import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertClose } from '../../test/close.ts'
import { input, type Tensor } from '../graph/index.ts'
import { clipLoss } from '../models/clip.ts'
import { pairScale, siglipLoss } from '../models/siglip.ts'
import { batchNorm, filled, linear, type Params } from '../nn/index.ts'
import { add, div, exp, mean, mul, relu, sqrt, square, sum } from '../ops/index.ts'
import { stream } from '../random.ts'
import { nodeRuntime } from '../runtime/node.ts'
import type { TrainConfig } from './config.ts'
import { estimate } from './estimate.ts'
import { constant } from './lr.ts'
import { train } from './train.ts'

const runtime = nodeRuntime({ threads: 1 })
const [from, width] = [6, 4]

type Loss = (p: Params, images: Tensor, texts: Tensor) => Tensor

const losses: Record<string, Loss> = {
  clipLoss: (p, images, texts) => clipLoss(images, texts, exp(p.get('logit_scale', [], filled(1)))),
  siglipLoss: (p, images, texts) => siglipLoss(images, texts, pairScale(p)),
}

interface Towers extends Partial<TrainConfig> {
  readonly loss: Loss
  readonly pairs: number // of one batch
  readonly hidden?: number
}

/** Two encoders of two layers, and a loss of all pairs of a step. */
function towers({ loss, pairs, hidden = 8, ...changes }: Towers): TrainConfig {
  const encode = (p: Params, name: string) => {
    const x = relu(linear(p.at('up'), from, hidden)(input(name, [pairs, from])))
    const y = linear(p.at('down'), hidden, width)(x)
    return div(y, sqrt(sum(square(y), -1, true)))
  }
  return {
    name: 'towers',
    seed: 1,
    steps: 3,
    samples: pairs,
    build: (p, _, whole) => ({
      loss: loss(p, whole(encode(p.at('image'), 'images')), whole(encode(p.at('text'), 'texts'))),
    }),
    batch(at) {
      const numbers = (purpose: string) =>
        Float32Array.from({ length: pairs }, (_, b) => at * pairs + b).reduce(
          (array, sample, b) => {
            array.set(stream({ seed: 1, purpose, sample }).normal(from), b * from)
            return array
          },
          new Float32Array(pairs * from),
        )
      return { images: numbers('image'), texts: numbers('text') }
    },
    lr: constant({ peak: 0.01 }),
    ...changes,
  }
}

/** The loss of each step, the gradients of the first as AdamW's mean of them, and the last weights. */
async function run(config: TrainConfig) {
  const values: number[] = []
  let first: Record<string, Float32Array> = {}
  let last: Record<string, Float32Array> = {}
  for await (const event of train(config, { runtime })) {
    const arrays = Object.entries(event.state.arrays).map(([name, { data }]) => [name, data.slice()] as const)
    const some = (kind: string) => Object.fromEntries(arrays.filter(([name]) => name.startsWith(kind)))
    if (event.kind === 'step') values.push(event.loss)
    if (event.state.step === 1) first = some('first ')
    last = some('weights ')
  }
  return { values, first, last }
}

for (const [name, loss] of Object.entries(losses))
  test(`three batches under one ${name} give the gradients of one batch of all their pairs`, async () => {
    const cached = await run(towers({ loss, pairs: 4, accumulate: 3 }))
    const whole = await run(towers({ loss, pairs: 12 }))
    assertClose(cached.values, whole.values, 1e-6, 'losses')
    assert.deepEqual(Object.keys(cached.first), Object.keys(whole.first))
    for (const key in whole.first) {
      assertClose(cached.first[key], whole.first[key], 1e-6, key)
      assert.ok(
        whole.first[key].some((x) => Math.abs(x) > 1e-4),
        key,
      )
    }
    for (const key in whole.last) assertClose(cached.last[key], whole.last[key], 1e-4, key)
    const apart = await run(towers({ loss: (p, a, b) => loss(p, a, b), pairs: 4 }))
    assert.ok(Math.abs(apart.values[0] - whole.values[0]) > 1e-3, 'a loss of each batch alone is another loss')
  })

test('a parameter that both the loss and the encoders read gets both gradients', async () => {
  const shared = (pairs: number, accumulate?: number): TrainConfig => ({
    ...towers({ loss: losses.clipLoss, pairs, accumulate, steps: 1 }),
    build(p, _, whole) {
      const scale = p.get('both', [], filled(1.5))
      return { loss: mean(square(mul(whole(mul(input('images', [pairs, from]), scale)), scale))) }
    },
  })
  const [cached, whole] = [await run(shared(4, 3)), await run(shared(12))]
  assertClose(cached.first['first both'], whole.first['first both'], 1e-6, 'both')
})

test('the forecast of memory falls with the batches, as the loss of all needs them one at a time', async () => {
  const sized = (pairs: number, accumulate?: number) =>
    estimate(towers({ loss: losses.clipLoss, pairs, accumulate, hidden: 512 }), runtime)
  const [cached, whole] = [await sized(16, 8), await sized(128)]
  assert.ok(cached.stepBytes < whole.stepBytes / 3, `${cached.stepBytes} of ${whole.stepBytes}`)
  // Each batch is encoded twice: of three products, the first is done once more.
  assert.ok(cached.flops > 1.2 * whole.flops && cached.flops < 1.5 * whole.flops, `${cached.flops / whole.flops}`)
})

test('what a loss of all batches cannot have is refused in words', async () => {
  const refuse = async (build: TrainConfig['build'], message: RegExp) =>
    assert.rejects(run({ ...towers({ loss: losses.clipLoss, pairs: 4, accumulate: 2 }), build }), { message })
  await refuse((p, _, whole) => {
    const x = linear(p, from, width)(input('images', [4, from]))
    return { loss: add(sum(whole(x)), sum(input('texts', [4, from]))) }
  }, /train: a loss of all batches of a step must read nothing of a batch beside `whole`/)
  await refuse((p, updates, whole) => {
    const x = batchNorm(p, from, { training: updates })(input('images', [4, from]))
    return { loss: sum(whole(x)) }
  }, /train: batch normalisation sees one batch, so a loss cannot be one of them all/)
})
