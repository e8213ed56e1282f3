/**
 * A captioner (Betker et al. 2023, section 2) in English and Chinese, in short and in long: of emoji in many drawing
 * styles, still and moving, some of them changed; and of shapes and moving shapes, which are drawn as they are needed. It
 * begins with the image side of the shipped CLIP, or of that in `--model`, which `--freeze ^encoder` keeps as it is, or with
 * a whole captioner: `--from`.
 * Data: `tubelet data build emoji --size 64 --frames 17 --styles all`; several folders are given as `--data A,B`.
 */
import { readFile } from 'node:fs/promises'
import {
  add,
  type CaptionerConfig,
  captioner,
  captionerConfig,
  captionerJson,
  captionLoss,
  captionMovingScene,
  captionShapes,
  clipConfig,
  drawMovingScene,
  drawScene,
  fromTokenizerJson,
  input,
  mul,
  paintMovingScene,
  paintShapes,
  placedShapes,
  type RandomStream,
  type Recipe,
  stream,
  TubeletError,
  tokenizer,
  toTokenizerConfig,
  toTokenizerJson,
  trainTokenizer,
  trapezoid,
} from 'tubelet'
import {
  alter,
  captionFor,
  captionVocabulary,
  composited,
  type Drawing,
  dataOf,
  drawAttributes,
  drawings,
  encodeCaption,
  evenFrames,
  modelFile,
  readPart,
  shipped,
} from 'tubelet/node'

const inBatch = { still: 48, clip: 8 }
const shapes = 4 // one in so many samples is of shapes
const [size, frames, context] = [64, 4, 48]
const side = { width: 160, depth: 3, heads: 5, hidden: 640, activation: 'gelu', qkvBias: true, eps: 1e-5 } as const
const kinds = (['en', 'zh'] as const).flatMap((language) =>
  (['short', 'long'] as const).map((detail) => ({ language, detail })),
)
type Asked = (typeof kinds)[number]
type Kind = keyof typeof inBatch

export default {
  name: 'captioner',
  summary: 'captions of emoji, shapes and moving shapes, in English and Chinese, short and long',
  data: { size: 64, frames: 17 },

  async prepare({
    data = shipped('data/emoji-64'),
    model = shipped('models/emoji-video'),
    from,
    seed = 0,
    steps = 3000,
    report,
  }) {
    const { vision, weights, ...before } = await (from === undefined ? eyesOf(model) : beginWith(from))
    const all = await drawings(data.split(','), { size, split: 'train' })
    const vocabulary = before.vocabulary ?? trainTokenizer(captions(sources(all)), { size: 2048 })
    const words = tokenizer(vocabulary)
    const fits = (text: string) => words.ids(text).length + 2 <= context
    const short = all.filter(({ meta }) => fits(meta.en.label) && fits(meta.zh.label))
    const left = all.length - short.length
    report(
      `${short.length} drawings${left > 0 ? `; ${left} left out, whose captions are longer than ${context} tokens` : ''}`,
    )
    const drawn = sources(short)
    const config: CaptionerConfig = {
      vision,
      frames,
      text: { ...side, vocabulary: captionVocabulary(words), context, tied: true },
    }
    /** One kind of samples of a step: pixels [B, T, 3, S, S] on plain paper and ids [B, context]. */
    const batchOf = (kind: Kind, step: number) => {
      const count = inBatch[kind]
      const T = kind === 'clip' ? frames : 1
      const pixels = new Float32Array(count * T * 3 * size * size)
      const ids = new Int32Array(count * context)
      for (let b = 0; b < count; b++) {
        const random = stream({ seed, purpose: kind, step, sample: b })
        const { pixels: bytesOf, text, language } = drawn(kind, random)
        const picked = kinds[random.integer(kinds.length)]
        const asked = { ...picked, language: language ?? picked.language }
        const bytes = bytesOf()
        const paper = random.integer(2) === 0 ? [255, 255, 255] : Array.from(random.uniform(3), (u) => 255 * u)
        ids.set(encodeCaption(words, text(asked, fits), { ...asked, length: context }), b * context)
        for (let t = 0; t < T; t++) {
          const [frame, plane] = [bytes.subarray(t * 4 * size * size), 3 * size * size]
          composited(frame, paper, pixels.subarray((b * T + t) * plane, (b * T + t + 1) * plane))
        }
      }
      return { [`${kind}.pixels`]: pixels, [`${kind}.ids`]: ids }
    }
    return {
      name: 'captioner',
      seed,
      steps,
      samples: inBatch.still + inBatch.clip,
      settings: { data, model, from, config, inBatch },
      weights,
      build(p) {
        const { encode, decode } = captioner(p, config)
        const lossOf = (kind: Kind) => {
          const T = kind === 'clip' ? frames : 1
          const ids = input(`${kind}.ids`, [inBatch[kind], context], 'int32')
          const pixels = input(`${kind}.pixels`, [inBatch[kind], T, 3, size, size])
          return captionLoss(decode(ids, encode(pixels)), ids, { pad: words.pad })
        }
        const [still, clip] = [lossOf('still'), lossOf('clip')]
        return { loss: mul(add(still, clip), 0.5), still, clip }
      },
      batch: (step) => ({ ...batchOf('still', step), ...batchOf('clip', step) }),
      lr: trapezoid({ peak: 2e-3, warmup: Math.min(100, Math.floor(steps / 10)), total: steps }),
      optimizer: {
        ...{ beta2: 0.98, weightDecay: 0.01, clip: 1, ema: 0.995 },
        muon: (name, shape) => shape.length === 2 && /layers?\.\d+\..*weight$/.test(name),
      },
      publish: async (weights) => ({
        'captioner/config.json': JSON.stringify(captionerJson(config), null, 1),
        'captioner/model.safetensors': modelFile(weights),
        'tokenizer/tokenizer.json': JSON.stringify(toTokenizerJson(vocabulary)),
        'tokenizer/tokenizer_config.json': JSON.stringify(toTokenizerConfig(context), null, 1),
        'model_index.json': JSON.stringify({
          _class_name: 'CaptionPipeline',
          captioner: ['tubelet', 'Captioner'],
          tokenizer: ['transformers', 'PreTrainedTokenizerFast'],
        }),
      }),
    }
  },
} satisfies Recipe

/** A picture or clip, and what can be said of it. */
interface Captioned {
  readonly language?: Asked['language'] // the only one that there are words in
  pixels(): Uint8Array // straight RGBA [T, S, S, 4]
  text(asked: Asked, fits: (text: string) => boolean): string
}

/** Draws a sample of a kind: one of the drawings, changed a third of the time, or shapes. */
function sources(all: readonly Drawing[]) {
  const moving = all.filter((drawing) => drawing.frames >= frames)
  return (kind: Kind, random: RandomStream): Captioned => {
    const list = kind === 'clip' ? moving : all
    if (list.length === 0 || random.integer(shapes) === 0) return drawnShapes(kind, random)
    const { meta, frames: count, pixels } = list[random.integer(list.length)]
    const attributes = random.integer(3) === 0 ? drawAttributes(random, false) : {}
    const first = random.integer(count)
    const chosen = kind === 'clip' ? evenFrames(count, frames) : [first]
    return {
      language: meta.language,
      pixels() {
        const [all, frame] = [pixels(), 4 * size * size]
        const bytes = new Uint8Array(chosen.length * frame)
        for (const [k, t] of chosen.entries()) bytes.set(all.subarray(t * frame, (t + 1) * frame), k * frame)
        return alter({ frames: chosen.length, size, bytes }, attributes)
      },
      text: (asked, fits) => captionFor(meta[asked.language], asked, { ...attributes, random, fits }),
    }
  }
}

function drawnShapes(kind: Kind, random: RandomStream): Captioned {
  if (kind === 'clip') {
    const scene = drawMovingScene(random)
    return {
      pixels: () => paintMovingScene(scene, { frames, size }),
      text: ({ language, detail }) => captionMovingScene(scene, language, detail),
    }
  }
  const scene = drawScene(random)
  return {
    pixels: () => paintShapes(placedShapes(scene), size),
    text: ({ language, detail }) => captionShapes(scene, language, detail),
  }
}

/** What a captioner begins with. */
interface Before {
  readonly vision: CaptionerConfig['vision']
  readonly weights: Record<string, Float32Array>
  readonly vocabulary?: ReturnType<typeof trainTokenizer> // absent where the captions are yet to be read
}

/** The image side of the CLIP in a model folder, by its names in the captioner. */
async function eyesOf(folder: string): Promise<Before> {
  const { config, arrays } = await readPart(folder, 'text_encoder', 'CLIPModel')
  const { vision } = clipConfig(config)
  if (vision.imageSize !== size)
    throw new TubeletError('input', `${folder}: its CLIP looks at sides of ${vision.imageSize} pixels, not of ${size}`)
  const seeing = Object.entries(dataOf(arrays)).filter(([name]) => name.startsWith('vision_model.'))
  return { vision, weights: Object.fromEntries(seeing.map(([name, array]) => [`encoder.${name}`, array])) }
}

/** A captioner that goes on learning, in its own tokens. */
async function beginWith(folder: string): Promise<Before> {
  const { config, arrays } = await readPart(folder, 'captioner', 'Captioner')
  const file = `${folder}/tokenizer/tokenizer.json`
  const vocabulary = fromTokenizerJson(JSON.parse(await readFile(file, 'utf8')), file)
  return { vision: captionerConfig(config).vision, weights: dataOf(arrays), vocabulary }
}

/** What the tokenizer learns from: the same whatever the seed of the run. */
function* captions(drawn: ReturnType<typeof sources>) {
  for (let sample = 0; sample < 4000; sample++)
    for (const kind of ['still', 'clip'] as const) {
      const { text } = drawn(kind, stream({ seed: 0, purpose: `${kind} words`, sample }))
      for (const asked of kinds) yield text(asked, () => true)
    }
}
