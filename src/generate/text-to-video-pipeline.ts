import { randomInt } from 'node:crypto'
import { TubeletError } from '../errors.ts'
import type { Clip } from '../files/clip.ts'
import { type AskedVisual, visualPromptFor } from './asked-visual.ts'
import { textToVideo } from './open-text-to-video.ts'
import {
  type CallOptions,
  framesOf,
  type Picture,
  type PipelineOptions,
  pipelineFrame,
  type Releasable,
} from './pipeline-frame.ts'
import { type Recipe, usualDrawing } from './text-to-video.ts'

/** How a clip is drawn, in the words of diffusers. */
export interface TextToVideoOptions extends CallOptions {
  readonly negativePrompt?: string // ''
  readonly seed?: number // drawn at random where absent
  readonly numInferenceSteps?: number // 8
  readonly guidanceScale?: number // 2
  readonly dtype?: Recipe['dtype'] // fp32
  /** Pictures and clips that it is drawn from, beside the prompt. */
  readonly from?: AskedVisual
}

/** A clip, and what is needed to draw it again, beside the pictures that it was drawn from. */
export interface DrawnClip extends Clip {
  readonly recipe: Recipe
}

/** A prompt to a clip of straight RGBA. */
export interface TextToVideoPipeline extends Releasable {
  (prompt: string, call?: TextToVideoOptions): Promise<DrawnClip>
  readonly width: number // of a clip, in pixels
  readonly height: number
  readonly frames: number
  readonly fps: number
}

/** Loads all parts of a text-to-video model folder. */
export async function openTextToVideo(folder: string, options: PipelineOptions): Promise<TextToVideoPipeline> {
  const parts = ['transformer', 'vae', 'text_encoder']
  const frame = pipelineFrame(options, parts)
  const model = await textToVideo(folder, frame.runtime, { ...options.size, onPart: frame.part })
  const draw = async (prompt: string, call: TextToVideoOptions = {}): Promise<DrawnClip> => {
    frame.check(call)
    const { negativePrompt = '', seed = randomInt(2 ** 31), dtype } = call
    const { numInferenceSteps: steps = usualDrawing.steps, guidanceScale: guidance = usualDrawing.guidance } = call
    const recipe = { prompt, negativePrompt, seed, steps, guidance, ...(dtype ? { dtype } : {}) }
    const open = (picture: Picture) => framesOf(picture, { fps: model.fps })
    const visual = call.from && (await visualPromptFor(call.from, model, open))
    for await (const event of model.generate([recipe], call.signal, visual)) {
      if (event.kind === 'clip') return { ...(visual?.whole(event.clip) ?? event.clip), recipe: event.recipe }
      frame.check(call)
      if (event.kind !== 'step') continue
      const { kind, step, steps, preview } = event
      options.onProgress?.({ kind, step, steps, preview })
    }
    throw new TubeletError('input', `${folder}: drew no clip`)
  }
  const { width, height, frames, fps } = model
  return frame.finish(Object.assign(draw, { width, height, frames, fps }), [model])
}
