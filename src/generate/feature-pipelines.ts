import { imageFeatures, textFeatures } from './clip-features.ts'
import { readPart } from './model-folder.ts'
import { readTokenizer } from './open-text-to-video.ts'
import {
  type CallOptions,
  clipLooks,
  framesOf,
  type OneOrMany,
  type Picture,
  type PipelineOptions,
  pipelineFrame,
  type Releasable,
} from './pipeline-frame.ts'

/** Pictures to vectors [P] of length 1; of a clip, the mean over at most 16 frames evenly over it. */
export type ImageExtractor = OneOrMany<Picture, Float32Array, [call?: CallOptions]> & Releasable

/** Texts to vectors [P] of length 1. */
export type TextExtractor = OneOrMany<string, Float32Array, [call?: CallOptions]> & Releasable

/** Loads the image side of the CLIP in a model folder. */
export async function openImageExtractor(folder: string, options: PipelineOptions): Promise<ImageExtractor> {
  const frame = pipelineFrame(options, ['text_encoder'])
  frame.part('text_encoder')
  const images = await imageFeatures(await readPart(folder, 'text_encoder', 'CLIPModel'), frame.runtime)
  const extract = (given: Picture | readonly Picture[], call?: CallOptions) =>
    frame.each(given, call, async (picture: Picture) => images.ofClip(await framesOf(picture), clipLooks))
  return frame.finish(extract as OneOrMany<Picture, Float32Array, [call?: CallOptions]>, [images])
}

/** Loads the tokenizer and the text side of the CLIP in a model folder. */
export async function openTextExtractor(folder: string, options: PipelineOptions): Promise<TextExtractor> {
  const frame = pipelineFrame(options, ['tokenizer', 'text_encoder'])
  frame.part('tokenizer')
  const words = await readTokenizer(folder)
  frame.part('text_encoder')
  const texts = await textFeatures(await readPart(folder, 'text_encoder', 'CLIPModel'), words, frame.runtime)
  const extract = (given: string | readonly string[], call?: CallOptions) =>
    frame.each(given, call, (text: string) => texts.ofText(text))
  return frame.finish(extract as OneOrMany<string, Float32Array, [call?: CallOptions]>, [texts])
}
