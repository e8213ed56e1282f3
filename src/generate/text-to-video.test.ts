import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { scratchFolder } from '../../test/cli.ts'
import { countingRuntime } from '../../test/counting-runtime.ts'
import { tinyClip, tinyModelFiles, tinyWan, weightsOf, writeTinyModel } from '../../test/tiny-model.ts'
import { TubeletError } from '../errors.ts'
import { readSafetensors, writeSafetensors } from '../files/checkpoint.ts'
import { type Clip, frameOf } from '../files/clip.ts'
import type { Tensor } from '../graph/index.ts'
import { wanJson, wanTransformer } from '../models/sora.ts'
import { nodeRuntime } from '../runtime/node.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { textToVideo } from './open-text-to-video.ts'
import type { GenerateEvent, Recipe, TextToVideo } from './text-to-video.ts'
import { edited, fromPicture, goingOn, type VisualPrompt } from './visual-prompt.ts'

const folder = await scratchFolder()
const runtime = nodeRuntime({ threads: 1 })
let model: TextToVideo
before(async () => {
  model = await textToVideo(await writeTinyModel(join(folder, 'model')), runtime)
})
after(() => model.release())

const recipe = (prompt: string, more: Partial<Recipe> = {}): Recipe => ({
  ...{ prompt, negativePrompt: '', seed: 7, steps: 3, guidance: 3 },
  ...more,
})

async function eventsOf(recipes: readonly Recipe[], from = model, visual?: VisualPrompt): Promise<GenerateEvent[]> {
  const events: GenerateEvent[] = []
  for await (const event of from.generate(recipes, undefined, visual)) events.push(event)
  return events
}

async function clips(recipes: readonly Recipe[], from = model, visual?: VisualPrompt): Promise<Clip[]> {
  return (await eventsOf(recipes, from, visual)).flatMap((event) => (event.kind === 'clip' ? [event.clip] : []))
}

test('a prompt becomes a clip of the size, length and speed that the model says, neither empty nor opaque', async () => {
  const [clip] = await clips([recipe('a red heart')])
  const { size, frames, fps } = tinyClip
  assert.deepEqual(
    [model.width, model.height, model.frames, model.fps, clip.width, clip.height, clip.count, clip.fps],
    [size, size, frames, fps, size, size, frames, fps],
  )
  assert.equal(clip.frames.length, frames * size * size * 4)
  const alpha = clip.frames.filter((_, i) => i % 4 === 3)
  assert.ok(alpha.some((a) => a === 255) && alpha.some((a) => a > 0 && a < 255) && alpha.includes(0))
})

test('an encoder or transformer that could not be loaded is tried again, and the model is released all the same', async () => {
  let fails = true
  const { runtime: flaky, programs } = countingRuntime(
    runtime,
    (outputs) => fails && ('z' in outputs || 'v' in outputs),
  )
  const model = await textToVideo(join(folder, 'model'), flaky)
  await assert.rejects(clips([recipe('a red heart')], model), { message: 'no room' })
  fails = false
  const [still] = await clips([recipe('a red heart')], model)
  fails = true
  const visual = fromPicture({ ...still, count: 1, frames: frameOf(still, 0) }, model.frames)
  const draw = () => clips([recipe('a red heart')], model, visual)
  await assert.rejects(draw(), { message: 'no room' })
  fails = false
  assert.equal((await draw()).length, 1)
  fails = true
  await model.release()
  assert.equal(programs.loaded, 0)
})

test('a clip depends on its recipe alone: not on what was drawn before it, nor on the order, nor on the process', async () => {
  const [a, b] = [recipe('a red heart'), recipe('汽车，红色', { seed: 8, steps: 2 })]
  const [first, second, third] = await clips([a, b, a])
  assert.deepEqual(third, first)
  assert.deepEqual(await clips([b, a]), [second, first])
  const again = await textToVideo(join(folder, 'model'), nodeRuntime({ threads: 1 }))
  assert.deepEqual(await clips([b], again), [second])
  await again.release()
})

test('prompt, seed, steps, guidance and negative prompt each change the clip', async () => {
  const drawn = await clips([
    recipe('a red heart'),
    recipe('a blue bird'),
    recipe('a red heart', { seed: 8 }),
    recipe('a red heart', { steps: 4 }),
    recipe('a red heart', { guidance: 4 }),
    recipe('a red heart', { guidance: 1 }),
    recipe('a red heart', { negativePrompt: 'clock face' }),
  ])
  const seen = new Set(drawn.map(({ frames }) => Buffer.from(frames).toString('base64')))
  assert.equal(seen.size, drawn.length)
})

test('a negative prompt equal to the prompt leaves nothing to guide by: the same clip as without guidance', async () => {
  const [guided, plain] = await clips([
    recipe('a red heart', { negativePrompt: 'a red heart', guidance: 5 }),
    recipe('a red heart', { guidance: 1 }),
  ])
  // Both halves of the batch agree up to rounding, which guidance multiplies.
  const far = guided.frames.filter((byte, i) => Math.abs(byte - plain.frames[i]) > 1).length
  assert.ok(far < guided.frames.length / 1000, `${far} bytes differ`)
})

test('without guidance only the prompt is computed: one row, not two', async () => {
  const rows: number[] = []
  const counting: Runtime = {
    ...runtime,
    async load(outputs: Record<string, Tensor>, options) {
      const program = await runtime.load(outputs, options)
      const text = program.inputs.find(({ name }) => name === 'text')
      if (text) rows.push(text.shape[0])
      return program
    },
  }
  const counted = await textToVideo(join(folder, 'model'), counting)
  const unguided = recipe('clock face', { guidance: 1, negativePrompt: 'cat' })
  const [clip] = await clips([unguided], counted)
  assert.deepEqual(rows, [1])
  await clips([recipe('clock face')], counted)
  assert.deepEqual(rows, [1, 2])
  assert.deepEqual([clip], await clips([{ ...unguided, negativePrompt: '' }])) // it is not read
  await counted.release()
})

test('events tell the words that the model knows and does not, then each step, then the clip', async () => {
  const events = await eventsOf([recipe('a shiny RED helicopter heart, 跳舞的鸟')])
  assert.deepEqual(
    events.map(({ kind }) => kind),
    ['prompt', 'step', 'step', 'step', 'clip'],
  )
  const [prompt, step] = events
  assert.ok(prompt.kind === 'prompt' && step.kind === 'step')
  assert.deepEqual(prompt.unknown, ['shiny', 'helicopter', '舞'])
  assert.equal(prompt.known, 6) // a red heart 跳 的 鸟
  assert.deepEqual([step.step, step.steps, step.index], [1, 3, 0])
  const [silent] = await eventsOf([recipe('zzz qqq')])
  assert.deepEqual(silent.kind === 'prompt' && [silent.unknown, silent.known], [['zzz', 'qqq'], 0])
})

test('the preview of the last step is the clip, and that of the first is not', async () => {
  const previews: Clip[] = []
  let clip: Clip | undefined
  for await (const event of model.generate([recipe('cat')])) {
    if (event.kind === 'step') previews.push(await event.preview())
    if (event.kind === 'clip') clip = event.clip
  }
  assert.deepEqual(previews.at(-1), clip)
  assert.notDeepEqual(previews[0], clip)
})

test('no prompt, one of 5,000 characters, and one of signs, halves of pairs and nothing else all give clips', async () => {
  const prompts = ['', 'heart '.repeat(833), '心'.repeat(5000), '❤️\u0000\ud800 \u202e!!!']
  const drawn = await clips(prompts.map((prompt) => recipe(prompt, { steps: 1 })))
  assert.equal(drawn.length, 4)
  assert.deepEqual(
    drawn.map(({ count }) => count),
    [5, 5, 5, 5],
  )
})

test('an aborted signal stops between two steps with the code "stopped"', async () => {
  const stop = new AbortController()
  const seen: number[] = []
  const drawing = (async () => {
    for await (const event of model.generate([recipe('cat', { steps: 50 })], stop.signal)) {
      if (event.kind !== 'step') continue
      seen.push(event.step)
      if (event.step === 2) stop.abort('SIGINT')
    }
  })()
  await assert.rejects(drawing, (error: TubeletError) => {
    assert.equal(error.code, 'stopped')
    assert.match(error.message, /stopped before step 3 of 50/)
    return true
  })
  assert.deepEqual(seen, [1, 2])
  assert.equal((await clips([recipe('cat')])).length, 1) // and the model still draws
})

test('weights that blow up are an error that names the step, not an empty picture', async () => {
  const broken = join(folder, 'broken')
  await writeTinyModel(broken)
  const file = join(broken, 'transformer', 'diffusion_pytorch_model.safetensors')
  const { arrays } = await readSafetensors(file)
  arrays['proj_out.bias'].data[0] = Number.NaN
  await writeSafetensors(file, arrays)
  const bad = await textToVideo(broken, runtime)
  await assert.rejects(clips([recipe('cat')], bad), { code: 'numeric', message: /^step 1 of 3: .*no finite numbers/ })
  await bad.release()
})

test('a scheduler that draws noise at each step gives the same clip twice, and another one than without', async () => {
  const config = JSON.parse(String(tinyModelFiles()['scheduler/scheduler_config.json']))
  const noisy = await textToVideo(
    await writeTinyModel(join(folder, 'noisy'), {
      'scheduler/scheduler_config.json': JSON.stringify({ ...config, stochastic_sampling: true }),
    }),
    runtime,
  )
  const [once, twice] = await clips([recipe('cat'), recipe('cat')], noisy)
  assert.deepEqual(twice, once)
  assert.notDeepEqual([once], await clips([recipe('cat')]))
  await noisy.release()
})

test('a model is released even after a program of it could not be loaded', async () => {
  let fail = false
  const released: string[] = []
  const failing: Runtime = {
    ...runtime,
    async load(outputs, options) {
      if (fail) throw new TubeletError('memory', 'no room')
      const program = await runtime.load(outputs, options)
      const name = Object.keys(outputs).join()
      return {
        ...program,
        async release() {
          released.push(name)
          await program.release()
        },
      }
    },
  }
  const one = await textToVideo(join(folder, 'model'), failing)
  fail = true
  await assert.rejects(clips([recipe('cat')], one), { code: 'memory' })
  await one.release()
  assert.deepEqual(released.sort(), ['states', 'y'])
})

test('a picture as a prompt is the first frame whatever the seed, and the rest is drawn', async () => {
  const [shown] = await clips([recipe('a blue bird', { seed: 99 })])
  const visual = fromPicture({ ...shown, count: 1, frames: frameOf(shown, 0) }, tinyClip.frames)
  const [one, other] = await clips([recipe('a red heart'), recipe('a red heart', { seed: 8 })], model, visual)
  assert.deepEqual(frameOf(one, 0), frameOf(other, 0))
  assert.notDeepEqual(frameOf(one, 4), frameOf(other, 4))
  assert.notDeepEqual(frameOf(one, 0), frameOf((await clips([recipe('a red heart')]))[0], 0))
})

test('an edit of little strength stays nearer to its clip than one of much', async () => {
  const [shown] = await clips([recipe('a blue bird', { seed: 99, steps: 10 })])
  const far = async (strength: number) => {
    const visual = edited(shown, tinyClip.frames, { strength })
    const [clip] = await clips([recipe('a red heart', { steps: 10 })], model, visual)
    return clip.frames.reduce((sum, byte, i) => sum + Math.abs(byte - shown.frames[i]), 0)
  }
  assert.ok((await far(0.2)) < (await far(1)))
})

test('a transformer whose patches hold several frames draws from words alone', async () => {
  const config = { ...tinyWan, patchSize: [2, 2, 2] as const }
  const thick = await textToVideo(
    await writeTinyModel(join(folder, 'thick'), {
      'transformer/config.json': JSON.stringify(wanJson(config)),
      'transformer/diffusion_pytorch_model.safetensors': weightsOf((p) => wanTransformer(p, config)),
      'model_index.json': JSON.stringify({ ...JSON.parse(String(tinyModelFiles()['model_index.json'])), frames: 7 }),
    }),
    runtime,
  )
  const [clip] = await clips([recipe('cat')], thick)
  const visual = fromPicture({ ...clip, count: 1, frames: frameOf(clip, 0) }, 7)
  await assert.rejects(clips([recipe('cat')], thick, visual), {
    code: 'input',
    message: /its patches hold 2 latent frames each, so it cannot draw from a picture or clip$/,
  })
  await thick.release()
})

test('a clip of another size or length is refused in words', async () => {
  const pixel: Clip = { frames: new Uint8Array(4 * 2 * 3), count: 1, width: 2, height: 3, fps: 0 }
  await assert.rejects(
    clips([recipe('a red heart')], model, fromPicture(pixel, 5)),
    /of the same shape.*got 5 of 2 × 3\)/,
  )
  const small = { frames: new Uint8Array(4 * 9), count: 9, width: 1, height: 1, fps: 5 }
  await assert.rejects(clips([recipe('a red heart')], model, goingOn(small, 7)), /of 5 frames \(got 7 of 1 × 1\)/)
})
