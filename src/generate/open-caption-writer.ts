import { join } from 'node:path'
import { tokenizer } from '../data/tokenizer.ts'
import { fromTokenizerJson } from '../data/tokenizer-file.ts'
import { readJson } from '../files/disk.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { type CaptionWriter, captionPipeline } from './caption.ts'
import { readPart } from './model-folder.ts'

/** Loads a captioner's model folder: tokenizer and captioner. */
export async function captionWriter(folder: string, runtime: Runtime): Promise<CaptionWriter> {
  const part = await readPart(folder, 'captioner', 'Captioner')
  const file = join(folder, 'tokenizer', 'tokenizer.json')
  return captionPipeline(part, tokenizer(fromTokenizerJson(await readJson(file), file)), runtime)
}
