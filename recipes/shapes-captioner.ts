/**
 * A captioner (Betker et al. 2023, section 2) of pictures of shapes and clips of a moving shape, in English and Chinese, in
 * short and in long. Pictures are drawn as they are needed, each step its own, so no data set is read.
 * It has not been run to its end yet.
 */
import {
  add,
  type CaptionerConfig,
  captioner,
  captionerJson,
  captionLoss,
  captionMovingScene,
  captionShapes,
  drawMovingScene,
  drawScene,
  input,
  mul,
  paintMovingScene,
  paintShapes,
  placedShapes,
  type RandomStream,
  type Recipe,
  stream,
  tokenizer,
  toTokenizerConfig,
  toTokenizerJson,
  trainTokenizer,
  trapezoid,
} from 'tubelet'
import { captionVocabulary, composited, encodeCaption, modelFile } from 'tubelet/node'

const inBatch = { still: 48, clip: 24 }
const [size, frames, context] = [48, 4, 48]
const side = { width: 128, depth: 3, heads: 4, hidden: 512, activation: 'gelu', qkvBias: true, eps: 1e-5 } as const
const kinds = (['en', 'zh'] as const).flatMap((language) =>
  (['short', 'long'] as const).map((detail) => ({ language, detail })),
)
type Kind = keyof typeof inBatch

export default {
  name: 'shapes-captioner',
  summary: 'captions of shapes and moving shapes, in English and Chinese, short and long',

  async prepare({ seed = 0, steps = 3000 }) {
    const vocabulary = trainTokenizer(captions(), { size: 512 })
    const words = tokenizer(vocabulary)
    const config: CaptionerConfig = {
      vision: { ...side, imageSize: [size, size], patchSize: [8, 8], channels: 3 },
      frames,
      text: { ...side, vocabulary: captionVocabulary(words), context, tied: true },
    }
    /** One kind of samples of a step: pixels [B, T, 3, S, S] on white and ids [B, context]. */
    const batchOf = (kind: Kind, step: number) => {
      const count = inBatch[kind]
      const T = kind === 'clip' ? frames : 1
      const pixels = new Float32Array(count * T * 3 * size * size)
      const ids = new Int32Array(count * context)
      for (let b = 0; b < count; b++) {
        const { bytes, text } = drawn(kind, stream({ seed, purpose: kind, step, sample: b }))
        const asked = kinds[(step * count + b) % kinds.length]
        ids.set(encodeCaption(words, text(asked), { ...asked, length: context }), b * context)
        for (let t = 0; t < T; t++) {
          const [frame, plane] = [bytes.subarray(t * 4 * size * size), 3 * size * size]
          composited(frame, [255, 255, 255], pixels.subarray((b * T + t) * plane, (b * T + t + 1) * plane))
        }
      }
      return { [`${kind}.pixels`]: pixels, [`${kind}.ids`]: ids }
    }
    return {
      name: 'shapes-captioner',
      seed,
      steps,
      samples: inBatch.still + inBatch.clip,
      settings: { config, inBatch },
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

/** A picture or clip [T, S, S, 4], straight RGBA, and what can be said of it. */
function drawn(kind: Kind, random: RandomStream) {
  if (kind === 'clip') {
    const scene = drawMovingScene(random)
    return {
      bytes: paintMovingScene(scene, { frames, size }),
      text: ({ language, detail }: (typeof kinds)[number]) => captionMovingScene(scene, language, detail),
    }
  }
  const scene = drawScene(random)
  return {
    bytes: paintShapes(placedShapes(scene), size),
    text: ({ language, detail }: (typeof kinds)[number]) => captionShapes(scene, language, detail),
  }
}

/** What the tokenizer learns from: the same whatever the seed of the run. */
function* captions() {
  for (let sample = 0; sample < 500; sample++)
    for (const kind of ['still', 'clip'] as const) {
      const { text } = drawn(kind, stream({ seed: 0, purpose: `${kind} words`, sample }))
      for (const asked of kinds) yield text(asked)
    }
}
