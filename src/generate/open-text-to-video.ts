import { join } from 'node:path'
import { tokenizer } from '../data/tokenizer.ts'
import { fromTokenizerJson } from '../data/tokenizer-file.ts'
import { readJson } from '../files/disk.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { readPart } from './model-folder.ts'
import { modelIndex } from './model-index.ts'
import { type TextEncoder, textEncoderOf } from './text-states.ts'
import { type TextToVideo, videoPipeline } from './text-to-video.ts'

/** Loads the tokenizer and the text side of CLIP from a model folder. */
export async function textEncoder(folder: string, runtime: Runtime): Promise<TextEncoder> {
  const file = join(folder, 'tokenizer', 'tokenizer.json')
  const words = tokenizer(fromTokenizerJson(await readJson(file), file))
  return textEncoderOf(await readPart(folder, 'text_encoder', 'CLIPModel'), words, runtime)
}

/** Loads a text-to-video model folder: tokenizer, text encoder, transformer, autoencoder and scheduler. */
export async function textToVideo(folder: string, runtime: Runtime): Promise<TextToVideo> {
  const indexFile = join(folder, 'model_index.json')
  const parts = {
    index: modelIndex(await readJson(indexFile), indexFile),
    transformer: await readPart(folder, 'transformer', 'WanTransformer3DModel'),
    vae: await readPart(folder, 'vae', 'VideoVae'),
    scheduler: await readJson(join(folder, 'scheduler', 'scheduler_config.json')),
  }
  const text = await textEncoder(folder, runtime)
  try {
    const model = await videoPipeline({ ...parts, text }, runtime)
    return {
      ...model,
      async release() {
        await model.release()
        await text.release()
      },
    }
  } catch (error) {
    await text.release()
    throw error
  }
}
