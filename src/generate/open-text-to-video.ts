import { join } from 'node:path'
import { type Tokenizer, tokenizer } from '../data/tokenizer.ts'
import { fromTokenizerJson } from '../data/tokenizer-file.ts'
import { readJson } from '../files/disk.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { ClipSize } from './clip-size.ts'
import { readPart } from './model-folder.ts'
import { modelIndex } from './model-index.ts'
import { type TextEncoder, textEncoderOf } from './text-states.ts'
import { owningText, type TextToVideo, videoPipeline } from './text-to-video.ts'

/** The tokenizer of a model folder. */
export async function readTokenizer(folder: string): Promise<Tokenizer> {
  const file = join(folder, 'tokenizer', 'tokenizer.json')
  return tokenizer(fromTokenizerJson(await readJson(file), file))
}

/** Loads the tokenizer and the text side of CLIP from a model folder. */
export async function textEncoder(folder: string, runtime: Runtime): Promise<TextEncoder> {
  const words = await readTokenizer(folder)
  return textEncoderOf(await readPart(folder, 'text_encoder', 'CLIPModel'), words, runtime)
}

/**
 * Loads a text-to-video model folder: transformer, autoencoder, scheduler, tokenizer and text encoder, for clips of its own
 * size or of the one that is asked for; `onPart` is told which part is read next, and may throw.
 */
export async function textToVideo(
  folder: string,
  runtime: Runtime,
  { onPart = () => {}, ...asked }: Partial<ClipSize> & { readonly onPart?: (part: string) => void } = {},
): Promise<TextToVideo> {
  const indexFile = join(folder, 'model_index.json')
  const read = (part: string, className: string) => {
    onPart(part)
    return readPart(folder, part, className)
  }
  const parts = {
    index: modelIndex(await readJson(indexFile), indexFile),
    transformer: await read('transformer', 'WanTransformer3DModel'),
    vae: await read('vae', 'VideoVae'),
    scheduler: await readJson(join(folder, 'scheduler', 'scheduler_config.json')),
  }
  onPart('text_encoder')
  const text = await textEncoder(folder, runtime)
  return owningText(text, () => videoPipeline({ ...parts, text }, runtime, asked))
}
