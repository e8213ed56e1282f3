import { TubeletError } from '../errors.ts'
import { shipped } from '../files/shipped.ts'
import { type ImageExtractor, openImageExtractor, openTextExtractor, type TextExtractor } from './feature-pipelines.ts'
import { type ImageSearch, openImageSearch } from './image-search-pipeline.ts'
import { type ImageToText, openImageToText } from './image-to-text-pipeline.ts'
import type { PipelineOptions } from './pipeline-frame.ts'
import { openTextToVideo, type TextToVideoPipeline } from './text-to-video-pipeline.ts'
import { openZeroShot, type ZeroShotClassifier } from './zero-shot-pipeline.ts'

/** The pipelines by task, under the names that transformers.js gives them where it has them. */
export interface PipelineTasks {
  /** Pictures to vectors of length 1 in CLIP's space. */
  'image-feature-extraction': ImageExtractor
  /** Texts to vectors of length 1 in the same space. */
  'feature-extraction': TextExtractor
  /** Pictures to the labels that they fit, by CLIP. */
  'zero-shot-image-classification': ZeroShotClassifier
  /** Words or a picture to the nearest pictures of a folder, by CLIP. */
  'image-search': ImageSearch
  /** Pictures and clips to captions, by a captioner. */
  'image-to-text': ImageToText
  /** A prompt, and pictures or clips where they are given, to a clip. */
  'text-to-video': TextToVideoPipeline
}

type Open<Task extends keyof PipelineTasks> = (model: string, options: PipelineOptions) => Promise<PipelineTasks[Task]>

const tasks: { readonly [Task in keyof PipelineTasks]: Open<Task> } = {
  'image-feature-extraction': openImageExtractor,
  'feature-extraction': openTextExtractor,
  'zero-shot-image-classification': openZeroShot,
  'image-search': openImageSearch,
  'image-to-text': openImageToText,
  'text-to-video': openTextToVideo,
}

/**
 * Loads what a task needs of a model folder, and nothing else, as one function to call:
 *
 *     await using classify = await pipeline('zero-shot-image-classification', 'models/emoji-video')
 *     console.log(await classify('cat.png', ['cat', 'dog'])) // [{ label: 'cat', score: 0.98 }, …]
 *
 * A folder that is not in the working folder but comes with the package is taken from there.
 * Throws TubeletError('input') where the folder lacks a part or one is damaged, ('stopped') where the signal is aborted,
 * ('usage') where there is no such task.
 */
export async function pipeline<Task extends keyof PipelineTasks>(
  task: Task,
  model: string,
  options: PipelineOptions = {},
): Promise<PipelineTasks[Task]> {
  if (!Object.hasOwn(tasks, task))
    throw new TubeletError('usage', `no task '${task}': there is ${Object.keys(tasks).join(', ')}`)
  return tasks[task](shipped(model), options)
}
