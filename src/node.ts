export { alter, drawAttributes } from './data/alter.ts'
export { byConcept, composited, type Drawing, drawPrompt } from './data/caption-batch.ts'
export { captionVocabulary, encodeCaption } from './data/caption-tokens.ts'
export { type ClipSet, clipBatch, epochOrder } from './data/clip-batch.ts'
export { type LoadedClips, loadClips } from './data/clips.ts'
export { readDataset } from './data/dataset.ts'
export { type ClassedDrawing, type DrawingClasses, drawingClasses } from './data/drawing-classes.ts'
export { drawings } from './data/drawing-set.ts'
export { buildEmoji } from './data/emoji.ts'
export { evenFrames } from './data/frames.ts'
export { lightBackground, lookAt } from './data/look.ts'
export { type Digits, digitPictures, digitSide, type MnistOptions, mnist } from './data/mnist.ts'
export { type MotionBatch, type MotionBatchOptions, motionBatch, motionClasses } from './data/motion-batch.ts'
export { type PromptedDrawings, type PromptedDrawingsOptions, promptedDrawings } from './data/prompted-drawings.ts'
export { captionFor } from './data/prompts.ts'
export { dataOf } from './files/arrays.ts'
export { readSafetensors, readWeights, writeSafetensors } from './files/checkpoint.ts'
export { weightsHash } from './files/hash.ts'
export { modelFile } from './files/model-file.ts'
export { cacheFolder } from './files/packages.ts'
export { type PictureGridOptions, pictureGrid } from './files/picture-grid.ts'
export { shipped } from './files/shipped.ts'
export { encodeWebp } from './files/webp.ts'
export type { AskedVisual } from './generate/asked-visual.ts'
export type { WrittenCaption } from './generate/caption.ts'
export { type DrawnLatentsOptions, drawnLatents } from './generate/drawn-latents.ts'
export {
  type EncodedPicturesOptions,
  encodedPictures,
  type FramePictures,
  framePictures,
  readPictureVae,
} from './generate/encoded-pictures.ts'
export type { ImageExtractor, TextExtractor } from './generate/feature-pipelines.ts'
export { clipFromPlanes } from './generate/frames.ts'
export type {
  Found,
  ImageSearch,
  SearchOptions,
  SearchQuery,
  SearchResult,
} from './generate/image-search-pipeline.ts'
export type { ImageToText, ImageToTextOptions } from './generate/image-to-text-pipeline.ts'
export type { LatentCache } from './generate/latent-cache.ts'
export { type LatentSet, latentBatch, latentSet } from './generate/latent-set.ts'
export { encodeLatents, latentStatistics, pictureLatents, videoLatents } from './generate/latents.ts'
export { knownWordsOf, partFiles, readPart } from './generate/model-folder.ts'
export { textEncoder, textToVideo } from './generate/open-text-to-video.ts'
export { type PipelineTasks, pipeline } from './generate/pipeline.ts'
export type {
  CallOptions,
  OneOrMany,
  Picture,
  PipelineEvent,
  PipelineOptions,
  Releasable,
} from './generate/pipeline-frame.ts'
export { textCache } from './generate/text-cache.ts'
export { videoPipeline } from './generate/text-to-video.ts'
export type { DrawnClip, TextToVideoOptions, TextToVideoPipeline } from './generate/text-to-video-pipeline.ts'
export type { ClassifyOptions, ScoredLabel, ZeroShotClassifier } from './generate/zero-shot-pipeline.ts'
export { type NodeRuntimeOptions, nodeRuntime } from './runtime/node.ts'
export type { Arrays, Device, LoadOptions, Program, Runtime } from './runtime/runtime.ts'
