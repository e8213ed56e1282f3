import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { scratchFolder } from '../../test/cli.ts'
import { assertClose } from '../../test/close.ts'
import { countingRuntime } from '../../test/counting-runtime.ts'
import { tinyModelFiles, writeTinyModel } from '../../test/tiny-model.ts'
import { tokenizer } from '../data/tokenizer.ts'
import { fromTokenizerJson } from '../data/tokenizer-file.ts'
import type { Clip } from '../files/clip.ts'
import { input } from '../graph/index.ts'
import { clipConfig, clip as clipModel } from '../models/clip.ts'
import { params } from '../nn/index.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { type ClipFeatures, clipFeatures } from './clip-features.ts'
import { readPart } from './model-folder.ts'
import { weightsFor } from './weights.ts'

const folder = await scratchFolder()
const runtime = nodeRuntime({ threads: 1 })
const words = tokenizer(fromTokenizerJson(JSON.parse(String(tinyModelFiles()['tokenizer/tokenizer.json']))))
let features: ClipFeatures
const part = () => readPart(folder, 'text_encoder', 'CLIPModel')
before(async () => {
  await writeTinyModel(folder)
  features = await clipFeatures(await part(), words, runtime)
})
after(() => features.release())

/** Frames of one colour each, of straight RGBA. */
const plain = (size: number, ...colours: [number, number, number, number][]): Clip => ({
  frames: Uint8Array.from(colours.flatMap((colour) => new Array(size * size).fill(colour).flat())),
  ...{ count: colours.length, width: size, height: size, fps: 10 },
})

/** The embedding of one picture of one colour, by the model itself. */
async function ofColour(rgb: readonly number[]): Promise<Float32Array> {
  const { config: json, arrays } = await part()
  const config = clipConfig(json)
  const p = params()
  const model = clipModel(p, config)
  const { embedding } = model.image(input('pixels', [1, 3, 16, 16]))
  model.scale()
  const program = await runtime.load({ embedding }, { constants: weightsFor(p, arrays) })
  const pixels = Float32Array.from({ length: 3 * 256 }, (_, i) => rgb[Math.floor(i / 256)] / 127.5 - 1)
  const result = await program.run({ pixels })
  await program.release()
  return result.embedding as Float32Array
}

test('a clip is the mean direction of four of its frames on white, whatever its size', async () => {
  const red = await ofColour([255, 0, 0])
  const white = await ofColour([255, 255, 255])
  assertClose(await features.ofClip(plain(16, [255, 0, 0, 255])), red, 1e-5, 'red')
  assertClose(await features.ofClip(plain(40, [255, 0, 0, 255])), red, 1e-5, 'red, larger')
  assertClose(await features.ofClip(plain(16, [9, 9, 9, 0])), white, 1e-5, 'transparent')
  const sum = red.map((x, i) => 3 * x + white[i]) // of eight frames, number 0, 2, 4 and 6 are looked at
  const length = Math.sqrt(sum.reduce((square, x) => square + x * x, 0))
  const colours = Array.from({ length: 8 }, (_, t): [number, number, number, number] => [255, 0, 0, t === 4 ? 0 : 255])
  const got = await features.ofClip(plain(16, ...colours))
  assertClose(
    got,
    sum.map((x) => x / length),
    1e-5,
    'four frames',
  )
})

test('texts and clips lie in one space, at length 1', async () => {
  for (const point of [await features.ofText('a red heart'), await features.ofClip(plain(16, [1, 200, 3, 99]))]) {
    assert.equal(point.length, 8)
    assert.ok(Math.abs(point.reduce((square, x) => square + x * x, 0) - 1) < 1e-5)
  }
  assert.notDeepEqual(await features.ofText('a red heart'), await features.ofText('cat'))
  assert.deepEqual(await features.ofText('a red heart'), await features.ofText('a red heart'))
})

test('where the text side cannot be loaded, the image side does not stay loaded', async () => {
  const { runtime: counting, programs } = countingRuntime(runtime, (outputs) => 'text' in outputs)
  await assert.rejects(clipFeatures(await part(), words, counting), { message: 'no room' })
  assert.equal(programs.loaded, 0)
})

test('a file with one side of CLIP only is refused by the name of what is missing', async () => {
  const { arrays, ...rest } = await part()
  const text = Object.fromEntries(Object.entries(arrays).filter(([name]) => !name.startsWith('vision_model.')))
  await assert.rejects(clipFeatures({ ...rest, arrays: text }, words, runtime), /tensor 'vision_model\..*' is missing/)
})
