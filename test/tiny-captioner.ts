import { captionVocabulary, encodeCaption } from '../src/data/caption-tokens.ts'
import type { CaptionKind } from '../src/data/captions.ts'
import { captionMovingScene, type MovingScene, paintMovingScene } from '../src/data/moving-shapes.ts'
import { tokenizer } from '../src/data/tokenizer.ts'
import { toTokenizerJson } from '../src/data/tokenizer-file.ts'
import { trainTokenizer } from '../src/data/tokenizer-train.ts'
import type { Clip } from '../src/files/clip.ts'
import { modelFile } from '../src/files/model-file.ts'
import { framesOnWhite } from '../src/generate/frames-on-white.ts'
import { input } from '../src/graph/index.ts'
import { type CaptionerConfig, captioner, captionerJson, captionLoss } from '../src/models/captioner.ts'
import { params } from '../src/nn/index.ts'
import type { Runtime } from '../src/runtime/runtime.ts'
import { learn } from '../src/train/learn.ts'

const [size, frames, context] = [16, 2, 40]
const square = (colour: 'red' | 'blue', direction: 'left' | 'right', x: number): MovingScene => ({
  ...{ shape: 'square', colour, size: 'large' },
  events: [{ direction, speed: 'fast' }],
  start: { x, y: 0.5 },
})
/** A red square that moves to the right, and a blue one that moves to the left. */
export const tinyScenes = [square('red', 'right', 0.33), square('blue', 'left', 0.67)]

/** A scene as a clip of two frames. */
export const tinyClipOf = (scene: MovingScene): Clip => ({
  ...{ frames: paintMovingScene(scene, { frames, size }), count: frames, width: size, height: size, fps: 2 },
})

const kinds: readonly CaptionKind[] = (['en', 'zh'] as const).flatMap((language) =>
  (['short', 'long'] as const).map((detail) => ({ language, detail })),
)

/** Files of a captioner that has learnt the captions of the two clips by heart, by their paths in the model folder. */
export async function tinyCaptionerFiles(runtime: Runtime): Promise<Record<string, string | Uint8Array>> {
  const samples = tinyScenes.flatMap((scene) =>
    kinds.map((kind) => ({ scene, kind, text: captionMovingScene(scene, kind.language, kind.detail) })),
  )
  const vocabulary = trainTokenizer(
    samples.map(({ text }) => text),
    { size: 300 },
  )
  const words = tokenizer(vocabulary)
  const side = { width: 32, depth: 1, heads: 2, hidden: 64, activation: 'gelu', qkvBias: true, eps: 1e-5 } as const
  const config: CaptionerConfig = {
    vision: { ...side, imageSize: size, patchSize: 8, channels: 3 },
    frames,
    text: { ...side, vocabulary: captionVocabulary(words), context, tied: true },
  }
  const pixels = new Float32Array(samples.flatMap(({ scene }) => [...framesOnWhite(tinyClipOf(scene), [0, 1], size)]))
  const ids = new Int32Array(
    samples.flatMap(({ text, kind }) => [...encodeCaption(words, text, { ...kind, length: context })]),
  )
  const B = samples.length
  const { weights } = await learn(
    {
      ...{ name: 'tiny captioner', seed: 1, steps: 200, samples: B, lr: () => 5e-3 },
      build(p) {
        const { encode, decode } = captioner(p, config)
        const texts = input('ids', [B, context], 'int32')
        const clips = input('pixels', [B, frames, 3, size, size])
        return { loss: captionLoss(decode(texts, encode(clips)), texts, { pad: words.pad }) }
      },
      batch: () => ({ pixels, ids }),
    },
    { runtime },
  )
  const shapes = shapesOf(config)
  const arrays = Object.entries(weights).map(([name, data]) => [name, { data, shape: shapes[name] }])
  return {
    'model_index.json': JSON.stringify({ _class_name: 'CaptionPipeline' }),
    'captioner/config.json': JSON.stringify(captionerJson(config)),
    'captioner/model.safetensors': modelFile(Object.fromEntries(arrays), 'F32'),
    'tokenizer/tokenizer.json': JSON.stringify(toTokenizerJson(vocabulary)),
  }
}

function shapesOf(config: CaptionerConfig) {
  const p = params()
  captioner(p, config)
  return Object.fromEntries(Array.from(p.all.values(), ({ name, tensor }) => [name, tensor.shape]))
}
