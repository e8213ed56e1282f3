import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { tokenizer } from '../src/data/tokenizer.ts'
import { toTokenizerConfig, toTokenizerJson } from '../src/data/tokenizer-file.ts'
import { trainTokenizer } from '../src/data/tokenizer-train.ts'
import { knownWords } from '../src/data/words.ts'
import { modelFile } from '../src/files/model-file.ts'
import { input } from '../src/graph/index.ts'
import { type ClipConfig, clip, clipJson } from '../src/models/clip.ts'
import { type WanConfig, wanJson, wanTransformer } from '../src/models/sora.ts'
import { type VideoVaeConfig, videoDecoder, videoEncoder, videoVaeJson } from '../src/models/video-vae.ts'
import { type Params, params, placeChannels } from '../src/nn/index.ts'
import { randomised } from './model.ts'

/** What the tokenizer of the tiny model has read. */
const tinyCaptions = [
  'a red heart',
  'a blue bird, flying',
  'beating heart',
  'cat with wry smile',
  'clock face',
  'a red car',
  '跳动的红心',
  '蓝色的鸟',
  '汽车，红色',
  '猫的笑脸',
]

export const tinyVae: VideoVaeConfig = {
  ...{ channels: 4, latentChannels: 4, width: 16, heads: 2, mlpRatio: 2 },
  ...{ encoderDepth: 2, decoderDepth: 2, fineWidth: 16, fineDepth: 1, tailWidth: 4 },
}

export const tinyWan: WanConfig = {
  ...{ width: 32, depth: 2, heads: 2, ffnDim: 48, inChannels: 4 + placeChannels, outChannels: 4 },
  ...{
    textDim: 32,
    freqDim: 16,
    patchSize: [1, 2, 2],
    crossAttnNorm: true,
    qkNorm: 'rms_norm_across_heads',
    eps: 1e-6,
    ropeMaxSeqLen: 16,
  },
}

/** Side in pixels and number of frames of what the tiny model draws. */
export const tinyClip = { size: 32, frames: 5, fps: 10 }

/** How long a prompt of the tiny model may be, in tokens. */
const context = 16

/** Random weights of what `declare` declares, none of them zero, as a file. */
export function weightsOf(declare: (p: Params) => unknown): Uint8Array {
  const p = params()
  declare(p)
  const arrays = randomised(p)
  const named = Array.from(p.all.values(), ({ name, tensor }) => [
    name,
    { data: arrays[name] as Float32Array, shape: tensor.shape },
  ])
  return modelFile(Object.fromEntries(named), 'F32')
}

/** Every file of a text-to-video model that is complete, tiny and random, by its path in the model folder. */
export function tinyModelFiles(): Record<string, string | Uint8Array> {
  const vocabulary = trainTokenizer(tinyCaptions, { size: 320 })
  const words = tokenizer(vocabulary)
  const side = {
    width: 16,
    depth: 1,
    heads: 2,
    hidden: 32,
    activation: 'quick_gelu',
    qkvBias: true,
    eps: 1e-5,
  } as const
  const clipConfig: ClipConfig = {
    vision: { ...side, imageSize: 16, patchSize: 8, channels: 3 },
    text: { ...side, vocabulary: words.size, context, endOfText: words.end },
    projection: 8,
  }
  const { size, frames, fps } = tinyClip
  const index = {
    _class_name: 'TextToVideoPipeline',
    tokenizer: ['transformers', 'PreTrainedTokenizerFast'],
    text_encoder: ['transformers', 'CLIPModel'],
    transformer: ['diffusers', 'WanTransformer3DModel'],
    vae: ['tubelet', 'VideoVae'],
    scheduler: ['diffusers', 'FlowMatchEulerDiscreteScheduler'],
    ...{ size, frames, fps, known_words: knownWords(tinyCaptions) },
  }
  return {
    'model_index.json': JSON.stringify(index),
    'tokenizer/tokenizer.json': JSON.stringify(toTokenizerJson(vocabulary)),
    'tokenizer/tokenizer_config.json': JSON.stringify(toTokenizerConfig(context)),
    'text_encoder/config.json': JSON.stringify(clipJson(clipConfig)),
    'text_encoder/model.safetensors': weightsOf((p) => clip(p, clipConfig)),
    'vae/config.json': JSON.stringify(videoVaeJson(tinyVae, { mean: [0, 0.1, 0, -0.2], std: [1, 0.5, 2, 1] })),
    'vae/diffusion_pytorch_model.safetensors': weightsOf((p) => {
      videoEncoder(p.at('encoder'), tinyVae)(input('clip', [1, frames, 4, size, size]))
      videoDecoder(p.at('decoder'), tinyVae)
    }),
    'transformer/config.json': JSON.stringify(wanJson(tinyWan)),
    'transformer/diffusion_pytorch_model.safetensors': weightsOf((p) => wanTransformer(p, tinyWan)),
    'scheduler/scheduler_config.json': JSON.stringify({
      ...{ _class_name: 'FlowMatchEulerDiscreteScheduler', num_train_timesteps: 1000, shift: 2 },
    }),
  }
}

/** Writes the tiny model to a folder, with some files replaced, or left out where the replacement is undefined. */
export const writeTinyModel = (
  folder: string,
  changed: Readonly<Record<string, string | Uint8Array | undefined>> = {},
): Promise<string> => writeModel(folder, { ...tinyModelFiles(), ...changed })

/** Writes the files of a model folder. */
export async function writeModel(
  folder: string,
  files: Readonly<Record<string, string | Uint8Array | undefined>>,
): Promise<string> {
  for (const [path, content] of Object.entries(files)) {
    if (content === undefined) continue
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), content)
  }
  return folder
}
