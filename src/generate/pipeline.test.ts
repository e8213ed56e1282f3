import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { scratchFolder } from '../../test/cli.ts'
import { countingRuntime } from '../../test/counting-runtime.ts'
import { tinyCaptionerFiles, tinyClipOf, tinyScenes } from '../../test/tiny-captioner.ts'
import { writeModel, writeTinyModel } from '../../test/tiny-model.ts'
import { captionMovingScene } from '../data/moving-shapes.ts'
import { readWeights } from '../files/checkpoint.ts'
import { modelFile } from '../files/model-file.ts'
import { writeVectors } from '../files/vector-file.ts'
import { encodeWebp } from '../files/webp.ts'
import { nodesOf, type Tensor } from '../graph/index.ts'
import { nodeRuntime } from '../runtime/node.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { templatesFor } from './class-cache.ts'
import { clipHash, partFiles, readPart } from './model-folder.ts'
import { pipeline } from './pipeline.ts'
import type { PipelineEvent } from './pipeline-frame.ts'
import { meanDirection } from './zero-shot.ts'

const folder = await scratchFolder()
const model = join(folder, 'model')
const captioner = join(folder, 'captioner')
const inner = nodeRuntime({ threads: 1 })

/** A runtime that keeps the names of the weights that programs compute with, and how many programs are open. */
function watched() {
  const weights = new Set<string>()
  const state = { open: 0 }
  const runtime: Runtime = {
    device: inner.device,
    async load(outputs: Record<string, Tensor>, options) {
      for (const node of nodesOf(Object.values(outputs))) {
        const { name } = Object(node.attrs) as { name?: string }
        if (name && options?.constants?.[name]) weights.add(name)
      }
      const program = await inner.load(outputs, options)
      state.open++
      return { ...program, release: () => program.release().then(() => void state.open--) }
    },
  }
  return { runtime, weights, state }
}

const clip = { frames: new Uint8Array(16 * 16 * 4 * 2).fill(200), count: 2, width: 16, height: 16, fps: 10 }
before(async () => {
  await writeTinyModel(model)
  await writeModel(captioner, await tinyCaptionerFiles(inner))
})

test('each side of CLIP computes without the other', async () => {
  const pictures = watched()
  await using images = await pipeline('image-feature-extraction', model, { runtime: pictures.runtime })
  await images(clip)
  assert.ok([...pictures.weights].every((name) => /^(vision_model|visual_projection)/.test(name)))
  const words = watched()
  await using texts = await pipeline('feature-extraction', model, { runtime: words.runtime })
  await texts('cat')
  assert.ok([...words.weights].every((name) => /^text_/.test(name)))
  assert.ok(pictures.weights.size > 10 && words.weights.size > 10)
})

test('a picture may be frames, bytes or a path; a list gives a list, with progress', async () => {
  const events: PipelineEvent[] = []
  const onProgress = (event: PipelineEvent) => events.push(event)
  await using images = await pipeline('image-feature-extraction', model, { runtime: inner, onProgress })
  const bytes = await encodeWebp(clip, { quality: 'lossless' })
  await writeFile(join(folder, 'clip.webp'), bytes)
  const [a, b, c] = await images([clip, bytes, join(folder, 'clip.webp')])
  assert.deepEqual([b, c], [a, a])
  assert.deepEqual(await images(clip), a)
  assert.deepEqual(events, [
    { kind: 'load', part: 'text_encoder', done: 0, total: 1 },
    { kind: 'load', done: 1, total: 1 },
    ...[1, 2, 3].map((done) => ({ kind: 'item', done, total: 3 })),
  ])
})

test('labels are scored by the softmax of scaled cosines, and each is read once', async () => {
  await using images = await pipeline('image-feature-extraction', model, { runtime: inner })
  await using texts = await pipeline('feature-extraction', model, { runtime: inner })
  let read = 0
  const counting: Runtime = {
    ...inner,
    async load(outputs, options) {
      const program = await inner.load(outputs, options)
      const run: typeof program.run = (...feeds) => {
        if ('text' in outputs) read++
        return program.run(...feeds)
      }
      return { ...program, run }
    },
  }
  await using classify = await pipeline('zero-shot-image-classification', model, { runtime: counting })
  const templates = ['a {}']
  const scored = await classify(clip, ['cat', 'red heart', ' cat '], { templates })
  assert.equal(read, 2)
  const [seen, cat, heart] = [await images(clip), await texts('a cat'), await texts('a red heart')]
  const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, v, i) => sum + v * y[i], 0)
  const { arrays } = await readPart(model, 'text_encoder', 'CLIPModel')
  const logits = [cat, heart].map((text) => Math.exp(arrays.logit_scale.data[0]) * dot(seen, text))
  const first = 1 / (1 + Math.exp(logits[1] - logits[0]))
  const got = Object.fromEntries(scored.map(({ label, score }) => [label, score]))
  assert.ok(Math.abs(got.cat - first) < 1e-4 && Math.abs(got['red heart'] - (1 - first)) < 1e-4)
  assert.ok(scored[0].score >= scored[1].score)
  await classify([clip, clip], ['red heart', 'cat'], { templates })
  assert.equal(read, 2)
  await assert.rejects(classify(clip, []), { code: 'usage', message: /there must be a label/ })
  await assert.rejects(classify(clip, ['cat', ' ']), { code: 'usage', message: /label 2 of 2 is empty/ })
})

test('labels stand in those templates whose words the captions of the model taught, else alone', async () => {
  assert.deepEqual(templatesFor('cat', new Set(['a', 'emoji'])), ['{}', 'a {}', '{} emoji'])
  assert.deepEqual(templatesFor('猫', new Set(['a', '一', '个'])), ['{}', '一个{}'])
  const labels = ['cat', '红心']
  const scores = async (folder: string, templates?: string[]) => {
    await using classify = await pipeline('zero-shot-image-classification', folder, { runtime: inner })
    return await classify(clip, labels, { templates })
  }
  // Its captions have 'a', and none has 'emoji', 一 or 表.
  await using texts = await pipeline('feature-extraction', model, { runtime: inner })
  await using images = await pipeline('image-feature-extraction', model, { runtime: inner })
  const rows = [meanDirection([await texts('cat'), await texts('a cat')]), await texts('红心')]
  const seen = await images(clip)
  const { arrays } = await readPart(model, 'text_encoder', 'CLIPModel')
  const products = rows.map((row) => row.reduce((sum, x, i) => sum + x * seen[i], 0))
  const first = 1 / (1 + Math.exp(Math.exp(arrays.logit_scale.data[0]) * (products[1] - products[0])))
  const got = (await scores(model)).find(({ label }) => label === 'cat')!.score
  assert.ok(Math.abs(got - first) < 1e-5, `${got}, not ${first}`)
  const bare = await writeTinyModel(join(folder, 'bare'), { 'model_index.json': undefined })
  assert.deepEqual(await scores(bare), await scores(model, ['{}']))
  assert.notDeepEqual(await scores(bare), await scores(model))
})

test('many labels are kept on disk under model and templates, and a damaged file is written again', async () => {
  const cacheDir = join(folder, 'classes')
  const labels = Array.from({ length: 60 }, (_, i) => `heart ${i}`)
  const scores = async (kept = cacheDir) => {
    const seen: string[] = []
    const onProgress = ({ kind }: PipelineEvent) => seen.push(kind)
    await using classify = await pipeline('zero-shot-image-classification', model, {
      runtime: inner,
      cacheDir: kept,
      onProgress,
    })
    return { scored: await classify(clip, labels), read: seen.filter((kind) => kind === 'label').length }
  }
  const [first, second] = [await scores(), await scores()]
  assert.deepEqual([first.read, second.read], [60, 0])
  assert.deepEqual(second.scored, first.scored)
  const [file] = await readdir(cacheDir)
  await writeFile(join(cacheDir, file), (await readFile(join(cacheDir, file))).subarray(0, 99))
  assert.equal((await scores()).read, 60)
  assert.equal((await scores(join(cacheDir, file))).read, 60) // a file is no folder to keep anything in
})

test('a clip is drawn with its recipe, the same for the same seed', async () => {
  const steps: number[] = []
  const onProgress = (event: PipelineEvent) => event.kind === 'step' && steps.push(event.step)
  await using draw = await pipeline('text-to-video', model, { runtime: inner, onProgress })
  const [a, b] = [
    await draw('cat', { seed: 3, numInferenceSteps: 2 }),
    await draw('cat', { seed: 3, numInferenceSteps: 2 }),
  ]
  assert.deepEqual([a.count, a.width, draw.width, draw.height, draw.frames], [5, 32, 32, 32, 5])
  assert.deepEqual(a, b)
  assert.deepEqual([a.recipe.seed, a.recipe.steps, a.recipe.guidance], [3, 2, 2])
  assert.deepEqual(steps, [1, 2, 1, 2])
})

test('a clip is drawn from pictures in any form, at any size, and goes on from a clip', async () => {
  const size = { width: 64, frames: 7 }
  await using draw = await pipeline('text-to-video', model, { runtime: inner, size })
  assert.deepEqual([draw.width, draw.height, draw.frames], [64, 32, 7])
  const call = { seed: 3, numInferenceSteps: 2 }
  const plain = await draw('cat', call)
  const image = await encodeWebp(clip, { quality: 'lossless' })
  const alive = await draw('cat', { ...call, from: { image } })
  assert.deepEqual([alive.width, alive.height, alive.count], [64, 32, 7])
  assert.notDeepEqual(alive.frames, plain.frames)
  assert.deepEqual(await draw('cat', { ...call, from: { image: clip } }), alive)
  const longer = await draw('cat', { ...call, from: { extend: plain } })
  assert.ok(longer.count > 7, `${longer.count} frames`)
  assert.deepEqual(longer.frames.subarray(0, plain.frames.length), plain.frames)
  const still = { ...clip, count: 1, frames: clip.frames.subarray(0, 16 * 16 * 4) }
  await assert.rejects(draw('cat', { ...call, from: { loop: still } }), { code: 'input', message: /has one frame/ })
  const slow = { ...clip, delays: new Array<number>(clip.count).fill(2 ** 24 - 1) } // the longest that a WebP can say
  const years = { ...slow, fps: 1000 / slow.delays[0] }
  await assert.rejects(draw('cat', { ...call, from: { extend: years } }), { code: 'input', message: /is too long/ })
  const nothing = {} as { loop: typeof clip }
  await assert.rejects(draw('cat', { ...call, from: nothing }), { code: 'usage', message: /extend, loop or between/ })
})

test('pictures of a folder are found by words or by a picture, and their vectors are kept where that is wanted', async () => {
  const place = join(folder, 'pictures')
  await mkdir(place)
  const plain = (colour: number[]) => ({
    ...clip,
    count: 1,
    frames: Uint8Array.from({ length: 1024 }, (_, i) => colour[i % 4]),
  })
  for (const [name, colour] of Object.entries({ red: [255, 0, 0, 255], blue: [0, 0, 255, 255] }))
    await writeFile(join(place, `${name}.webp`), await encodeWebp(plain(colour), { quality: 'lossless' }))
  await using search = await pipeline('image-search', model, { runtime: inner })
  const kept = await search({ picture: plain([0, 0, 255, 255]) }, { in: place, top: 1, keep: true })
  assert.deepEqual([kept.results[0].path, kept.count, kept.computed], [join(place, 'blue.webp'), 2, 2])
  assert.ok(Math.abs(kept.results[0].score - 1) < 1e-5)
  const again = await search('cat', { in: place })
  assert.deepEqual([again.results.length, again.computed], [2, 0])
  assert.deepEqual((await search('cat', { in: kept.index! })).results, again.results)
  await assert.rejects(search('cat', { in: kept.index!, keep: true }), { code: 'usage', message: /built of a folder/ })
  const aborted = search('cat', { in: place, signal: AbortSignal.abort() })
  await assert.rejects(aborted, { code: 'stopped' })
})

test('clips are captioned in the language and length that is asked for, one or a list', async () => {
  await using caption = await pipeline('image-to-text', captioner, { runtime: inner })
  const [first, second] = tinyScenes.map(tinyClipOf)
  const long = { language: 'zh', detail: 'long' } as const
  assert.equal((await caption(first)).text, captionMovingScene(tinyScenes[0], 'en', 'short'))
  const texts = (await caption([first, second], long)).map(({ text }) => text)
  assert.deepEqual(
    texts,
    tinyScenes.map((scene) => captionMovingScene(scene, 'zh', 'long')),
  )
  await assert.rejects(caption(first, { signal: AbortSignal.abort() }), { code: 'stopped' })
})

test('a signal stops loading and calls, also between two pictures of a list', async () => {
  const stopped = { name: 'TubeletError', code: 'stopped' }
  const aborted = AbortSignal.abort()
  await assert.rejects(pipeline('text-to-video', model, { runtime: inner, signal: aborted }), stopped)
  const stop = new AbortController()
  let done = 0
  const onProgress = (event: PipelineEvent) => {
    if (event.kind !== 'item') return
    done = event.done
    stop.abort()
  }
  await using texts = await pipeline('feature-extraction', model, { runtime: inner, onProgress })
  await assert.rejects(texts(['a', 'b', 'c'], { signal: stop.signal }), stopped)
  assert.equal(done, 1)
  await assert.rejects(texts('a', { signal: aborted }), stopped)
  assert.equal((await texts('a')).length, 8)
})

test('release frees every program, once; a call after it is an error', async () => {
  const { runtime, state } = watched()
  const classify = await pipeline('zero-shot-image-classification', model, { runtime })
  assert.ok(state.open > 0)
  await classify.release()
  await classify.release()
  assert.equal(state.open, 0)
  await assert.rejects(classify(clip, ['cat', 'dog']), { code: 'usage', message: /was released/ })
})

test('what could not be loaded is told once: release has nothing to add', async () => {
  const torn = join(folder, 'torn')
  const { arrays } = await readWeights(join(captioner, 'captioner'))
  const { frame_embeddings: _, ...rest } = arrays
  const files = await partFiles(captioner, ['captioner', 'tokenizer'])
  await writeModel(torn, { ...files, 'captioner/model.safetensors': modelFile(rest, 'F32') })
  const caption = await pipeline('image-to-text', torn, { runtime: inner })
  await assert.rejects(caption(clip), { code: 'input', message: /frame_embeddings/ })
  await caption.release()

  const blind = await writeTinyModel(join(folder, 'blind'), { 'text_encoder/model.safetensors': 'damaged' })
  const search = await pipeline('image-search', blind, { runtime: inner })
  await assert.rejects(search({ picture: clip }, { in: join(folder, 'pictures') }), { code: 'input' })
  await search.release()
})

test('what could not be loaded is tried again by the next call', async () => {
  let full = true
  const { runtime } = countingRuntime(inner, () => full)
  await using caption = await pipeline('image-to-text', captioner, { runtime })
  await using search = await pipeline('image-search', model, { runtime })
  const file = join(folder, 'one.safetensors')
  const [entries, rows] = [[{ kind: 'text', name: 'cat' }] as const, [new Float32Array(8).fill(1 / Math.sqrt(8))]]
  await writeVectors(file, { modelHash: await clipHash(model), folder: '.', entries, rows })
  const calls = [() => caption(clip), () => search('cat', { in: file }), () => search({ picture: clip }, { in: file })]
  for (const call of calls) await assert.rejects(call(), { message: 'no room' })
  full = false
  for (const call of calls) await call()
})

test('a folder without the part, and a task that there is not, are named', async () => {
  await assert.rejects(pipeline('feature-extraction', folder, { runtime: inner }), {
    code: 'input',
    message: /tokenizer\.json: no such file/,
  })
  const task = 'image-to-video' as 'text-to-video'
  await assert.rejects(pipeline(task, model), {
    code: 'usage',
    message: /no task 'image-to-video': there is image-feature/,
  })
})

test('memory stays flat over a hundred calls of each pipeline and a hundred pipelines', async () => {
  const pictures = join(folder, 'one picture')
  await mkdir(pictures)
  await writeFile(join(pictures, 'clip.webp'), await encodeWebp(clip, { quality: 'lossless' }))
  const script = fileURLToPath(new URL('../../test/flat-pipeline.ts', import.meta.url))
  const args = ['--expose-gc', '--import', 'tsx', '--conditions=source', script, model, captioner, pictures]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  const [early, late] = JSON.parse(stdout) as number[]
  // The pictures of the rounds between are 52 MB.
  assert.ok(late - early < 8e6, `${early} bytes after 50 rounds, ${late} after 150`)
})
