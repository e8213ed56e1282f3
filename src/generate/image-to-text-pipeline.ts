import type { CaptionKind } from '../data/captions.ts'
import type { CaptionOptions, WrittenCaption } from './caption.ts'
import { captionWriter } from './open-caption-writer.ts'
import {
  type CallOptions,
  framesOf,
  type OneOrMany,
  type Picture,
  type PipelineOptions,
  pipelineFrame,
  type Releasable,
} from './pipeline-frame.ts'

/** How pictures are captioned: in English and in short, where nothing else is asked for. */
export type ImageToTextOptions = CallOptions & Partial<CaptionKind> & Pick<CaptionOptions, 'beams' | 'lengthPenalty'>

type Write = OneOrMany<Picture, WrittenCaption, [call?: ImageToTextOptions]>

/** Pictures and clips to captions. */
export type ImageToText = Write & Releasable

/** Loads the tokenizer and the captioner of a model folder. */
export async function openImageToText(folder: string, options: PipelineOptions): Promise<ImageToText> {
  const frame = pipelineFrame(options, ['captioner'])
  frame.part('captioner')
  const writer = await captionWriter(folder, frame.runtime)
  const write = (given: Picture | readonly Picture[], call: ImageToTextOptions = {}) => {
    const asked: CaptionOptions = { language: 'en', detail: 'short', signal: options.signal, ...call }
    return frame.each(given, call, async (picture: Picture) => writer.caption(await framesOf(picture), asked))
  }
  return frame.finish(write as Write, [writer])
}
