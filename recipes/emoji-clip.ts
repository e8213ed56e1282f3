/**
 * CLIP on emoji: pictures in many styles on random backgrounds, and captions in English and Chinese.
 * Data: `tubelet data build emoji --size 64 --frames 17 --styles all`; several folders are given as `--data A,B`.
 */
import { readFile } from 'node:fs/promises'
import {
  type ClipConfig,
  clipConfig,
  clipJson,
  clipLoss,
  clipModel,
  fromTokenizerJson,
  input,
  maxLogScale,
  type Recipe,
  stream,
  tokenizer,
  toTokenizerConfig,
  toTokenizerJson,
  trainTokenizer,
  trapezoid,
} from 'tubelet'
import {
  alter,
  byConcept,
  composited,
  type Drawing,
  dataOf,
  drawAttributes,
  drawings,
  drawPrompt,
  epochOrder,
  modelFile,
  readPart,
  shipped,
} from 'tubelet/node'

const size = 64
const context = 24
const largest = 128 // pairs of a batch
const encoder = {
  width: 192,
  depth: 4,
  heads: 4,
  hidden: 768,
  activation: 'quick_gelu',
  qkvBias: true,
  eps: 1e-5,
} as const

export default {
  name: 'emoji-clip',
  summary: 'CLIP on emoji in many drawing styles, with captions in English and Chinese',
  data: { size: 64, frames: 17 },

  async prepare({ data = shipped('data/emoji-64'), from, steps = 900, seed = 0, report }) {
    const concepts = byConcept(await drawings(data.split(','), { size, split: 'train' }))
    report(`${concepts.length} concepts, ${concepts.flat().length} drawings`)
    const batch = Math.min(largest, concepts.length) // a concept twice would be told from itself
    const before = from === undefined ? undefined : await beginWith(from)
    const vocabulary = before?.vocabulary ?? trainTokenizer(captions(concepts, seed), { size: 4096 })
    const words = tokenizer(vocabulary)
    const config: ClipConfig = before?.config ?? {
      vision: { ...encoder, imageSize: size, patchSize: 8, channels: 3 },
      text: { ...encoder, vocabulary: words.size, context, endOfText: words.end },
      projection: 192,
    }
    const order = epochOrder(concepts.length, batch, { seed, purpose: 'clip' })
    return {
      name: 'emoji-clip',
      seed,
      steps,
      samples: batch,
      settings: { data, from, config, batch },
      weights: before?.weights,
      build(p) {
        const { image, text, scale } = clipModel(p, config)
        const pictures = image(input('pixels', [batch, 3, size, size])).embedding
        const texts = text(input('ids', [batch, context], 'int32')).embedding
        return { loss: clipLoss(pictures, texts, scale()), scale: scale() }
      },
      batch: (step) =>
        pairs(
          order(step).map((i) => concepts[i]),
          { seed, step, encode: (text) => words.encode(text, context) },
        ),
      lr: trapezoid({ peak: 1e-3, warmup: Math.min(50, Math.floor(steps / 10)), total: steps }),
      optimizer: {
        beta2: 0.98,
        eps: 1e-6,
        weightDecay: 0.1,
        clip: 1,
        ema: 0.995,
        muon: (name, shape) => shape.length === 2 && /layers\.\d/.test(name),
        muonRate: 2,
      },
      after: (weights) => weights.logit_scale.fill(Math.min(maxLogScale, weights.logit_scale[0])),
      publish: async (weights) => ({
        'text_encoder/config.json': JSON.stringify(clipJson(config), null, 1),
        'text_encoder/model.safetensors': modelFile(weights),
        'tokenizer/tokenizer.json': JSON.stringify(toTokenizerJson(vocabulary)),
        'tokenizer/tokenizer_config.json': JSON.stringify(toTokenizerConfig(context), null, 1),
      }),
    }
  },
} satisfies Recipe

/** Tokens, config and weights of a model that goes on learning. */
async function beginWith(folder: string) {
  const { config, arrays } = await readPart(folder, 'text_encoder', 'CLIPModel')
  const file = `${folder}/tokenizer/tokenizer.json`
  const vocabulary = fromTokenizerJson(JSON.parse(await readFile(file, 'utf8')), file)
  return { config: clipConfig(config), vocabulary, weights: dataOf(arrays) }
}

/** What the tokenizer learns from: every drawing asked for in several ways. */
function* captions(concepts: readonly Drawing[][], seed: number) {
  for (const [i, [drawing]] of concepts.entries()) {
    const random = stream({ seed, purpose: 'tokenizer', sample: i })
    for (let k = 0; k < 12; k++) yield drawPrompt(drawing, random, k % 3 === 0 ? drawAttributes(random, true) : {})
  }
}

interface Pairing {
  readonly seed: number
  readonly step: number
  readonly encode: (text: string) => Int32Array
}

/** One drawing of each concept, changed a third of the time, on a random background, and words that say so. */
function pairs(concepts: readonly Drawing[][], { seed, step, encode }: Pairing) {
  const pixels = new Float32Array(concepts.length * 3 * size * size)
  const ids = new Int32Array(concepts.length * context)
  concepts.forEach((list, b) => {
    const random = stream({ seed, purpose: 'pair', step, sample: b })
    const drawing = list[random.integer(list.length)]
    const t = random.integer(drawing.frames)
    const frame = drawing.pixels().subarray(t * 4 * size * size, (t + 1) * 4 * size * size)
    const attributes = random.integer(3) === 0 ? drawAttributes(random, false) : {}
    const bytes = alter({ frames: 1, size, bytes: frame }, attributes)
    const background = Array.from(random.uniform(3), (u) => 255 * u)
    composited(
      bytes,
      random.integer(3) === 0 ? [255, 255, 255] : background,
      pixels.subarray(b * 3 * size * size, (b + 1) * 3 * size * size),
    )
    ids.set(encode(drawPrompt(drawing, random, attributes)), b * context)
  })
  return { pixels, ids }
}
