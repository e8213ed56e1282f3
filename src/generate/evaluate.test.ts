import assert from 'node:assert/strict'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { scratchFolder } from '../../test/cli.ts'
import { writeTinyData } from '../../test/tiny-data.ts'
import { writeTinyModel } from '../../test/tiny-model.ts'
import { nodeRuntime } from '../runtime/node.ts'
import type { Program, Runtime } from '../runtime/runtime.ts'
import { type EvaluateEvent, type EvaluateOptions, evaluateVideo } from './evaluate.ts'
import { textToVideo } from './open-text-to-video.ts'

const folder = await scratchFolder()
const at = (name: string) => join(folder, name)
const open = new Set<Program>()
const inner = nodeRuntime({ threads: 1 })
const runtime: Runtime = {
  ...inner,
  async load(outputs, options) {
    const program = await inner.load(outputs, options)
    open.add(program)
    return {
      ...program,
      async release() {
        open.delete(program)
        await program.release()
      },
    }
  },
}
before(async () => {
  await writeTinyModel(at('model'))
  await writeTinyData(at('data'))
})

async function evaluate(more: Partial<EvaluateOptions> = {}): Promise<EvaluateEvent[]> {
  const events: EvaluateEvent[] = []
  const options = { data: at('data'), steps: 1, cacheDir: at('cache'), ...more }
  for await (const event of evaluateVideo(at('model'), runtime, options)) events.push(event)
  return events
}

const resultOf = (events: readonly EvaluateEvent[]) => {
  const last = events.at(-1)
  assert.ok(last?.kind === 'result')
  return last.evaluation
}

test('every label is drawn once, training first, and the result says what was measured', async () => {
  const events = await evaluate()
  const [begin, ...rest] = events
  assert.deepEqual(begin, { kind: 'begin', count: 6, size: 32 })
  const clips = rest.flatMap((event) => (event.kind === 'clip' ? [event] : []))
  assert.deepEqual(
    clips.map(({ index, recipe, meta }) => [index, recipe.prompt, recipe.seed, meta.split]),
    [
      [0, 'red heart', 0, 'train'],
      [1, 'blue bird', 1, 'train'],
      [2, 'cat', 2, 'train'],
      [3, 'clock face', 3, 'train'],
      [4, 'red car', 4, 'held-out'],
      [5, 'smiling face', 5, 'held-out'],
    ],
  )
  const { training, heldOut, ...settings } = resultOf(events)
  assert.match(settings.modelHash, /^[0-9a-f]{16}$/)
  assert.deepEqual(
    { ...settings, modelHash: '' },
    {
      ...{ modelHash: '', data: 'tiny-32', captions: 'en', seed: 0, steps: 1, guidance: 2, frames: 5 },
      ...{ modelSize: 32, dataSize: 32, size: 32, heldOutIsSeen: false },
    },
  )
  assert.deepEqual([training.clips, heldOut?.clips], [4, 2])
  assert.equal(open.size, 0)
})

test('the drawn clips are those of generate with the same recipe, and a second evaluation says the same', async () => {
  const events = await evaluate()
  const clip = events.find((event) => event.kind === 'clip')!
  const model = await textToVideo(at('model'), runtime)
  for await (const event of model.generate([clip.recipe]))
    if (event.kind === 'clip') assert.deepEqual(event.clip, clip.drawn)
  await model.release()
  assert.deepEqual(resultOf(await evaluate()), resultOf(events))
})

test('labels may be asked for in Chinese, and a limit takes clips of both parts evenly', async () => {
  const events = await evaluate({ captions: 'zh', limit: 2, seed: 100 })
  const drawn = events.flatMap((event) => (event.kind === 'clip' ? [[event.recipe.prompt, event.recipe.seed]] : []))
  assert.deepEqual(drawn, [
    ['红心', 100],
    ['猫', 102],
    ['红色汽车', 104],
    ['笑脸', 105],
  ])
})

test('a smaller data set is compared at its own size, a larger one at that of the model, and both are told', async () => {
  const sizes = async (size: number) => {
    await writeTinyData(at(`data-${size}`), { size })
    const { modelSize, dataSize, size: compared } = resultOf(await evaluate({ data: at(`data-${size}`), limit: 1 }))
    return [modelSize, dataSize, compared]
  }
  assert.deepEqual(await sizes(16), [32, 16, 16])
  assert.deepEqual(await sizes(64), [32, 64, 32])
})

test('clips of another length, or no data set, are an error with everything released', async () => {
  await writeTinyData(at('long'), { frames: 7 })
  const wrong = { code: 'input', message: /its clips have 7 frames, and the model draws 5; .* --frames 5/ }
  await assert.rejects(evaluate({ data: at('long') }), wrong)
  await assert.rejects(evaluate({ data: at('nothing') }), { code: 'input', message: /cannot read .*dataset\.json/ })
  await assert.rejects(async () => {
    for await (const _ of evaluateVideo(at('nothing'), runtime, { data: at('data') }));
  }, /cannot read .*model_index\.json/)
  assert.equal(open.size, 0)
})

test('an aborted signal stops it between two steps or two clips, with everything released', async () => {
  const stop = new AbortController()
  const seen: number[] = []
  await assert.rejects(
    async () => {
      const options = { data: at('data'), steps: 2, cacheDir: at('cache'), signal: stop.signal }
      for await (const event of evaluateVideo(at('model'), runtime, options))
        if (event.kind === 'clip') {
          seen.push(event.index)
          if (event.index === 1) stop.abort()
        }
    },
    { code: 'stopped', message: 'the evaluation was stopped after 2 of 6 clips' },
  )
  assert.deepEqual(seen, [0, 1])
  assert.equal(open.size, 0)
})
