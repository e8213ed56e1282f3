import type { Runtime } from '../runtime/runtime.ts'
import { type CaptionWriter, captionPipeline } from './caption.ts'
import { readPart } from './model-folder.ts'
import { readTokenizer } from './open-text-to-video.ts'

/** Loads a captioner's model folder: tokenizer and captioner. */
export async function captionWriter(folder: string, runtime: Runtime): Promise<CaptionWriter> {
  const part = await readPart(folder, 'captioner', 'Captioner')
  return captionPipeline(part, await readTokenizer(folder), runtime)
}
