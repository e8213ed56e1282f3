import type { CaptionLanguage } from '../data/captions.ts'
import { type LoadedClips, loadClips } from '../data/clips.ts'
import { readDataset, type SampleMeta } from '../data/dataset.ts'
import { heldOutIsSeen } from '../data/labels.ts'
import { resizeClip } from '../data/resize.ts'
import { TubeletError } from '../errors.ts'
import { type Clip, onWhite } from '../files/clip.ts'
import { weightsHash } from '../files/hash.ts'
import { chanceOfRight, frameDistances, type Loop } from '../metrics/motion.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { type ClipFeatures, clipFeatures } from './clip-features.ts'
import { measure, type PartScores, partScores, type Subject } from './evaluation.ts'
import { readPart } from './model-folder.ts'
import { readTokenizer, textToVideo } from './open-text-to-video.ts'
import { type Reconstructor, reconstructor } from './reconstruct.ts'
import { type Recipe, type TextToVideo, usualDrawing } from './text-to-video.ts'

/** What a model is measured on, and how it draws. */
export interface EvaluateOptions {
  readonly data: string // folder of a data set with clips
  readonly captions?: CaptionLanguage // language of the labels that are asked for; 'en'
  readonly limit?: number // most clips of each part, evenly over it
  readonly seed?: number // 0; clip i of the data set is drawn with seed + i
  readonly steps?: number // 8
  readonly guidance?: number // 2
  readonly cacheDir?: string // where decoded clips are kept; in the user's cache folder
  readonly signal?: AbortSignal
}

/** What a model was measured on, and what came out. */
export interface Evaluation {
  readonly modelHash: string // over all config and weights
  readonly data: string // fingerprint of the data set
  readonly captions: CaptionLanguage
  readonly seed: number
  readonly steps: number
  readonly guidance: number
  readonly frames: number
  readonly modelSize: number // side in pixels that the model draws
  readonly dataSize: number // and that of the data set
  readonly size: number // side at which clips are compared, the smaller of both
  readonly training: PartScores
  readonly heldOut?: PartScores // clips that the training has not seen; absent where there is none
  readonly heldOutIsSeen: boolean // whether it saw other clips of their concepts
}

/** What happens while a model is measured. */
export type EvaluateEvent =
  | { readonly kind: 'begin'; readonly count: number; readonly size: number }
  | {
      readonly kind: 'clip'
      readonly index: number // of `count`
      readonly meta: SampleMeta
      readonly recipe: Recipe
      readonly drawn: Clip // at the size of the model
    }
  | { readonly kind: 'result'; readonly evaluation: Evaluation }

/**
 * Measures a text-to-video model folder: draws a clip for every label of a data set, sends every real clip through the
 * autoencoder, and compares both with the real clips, training concepts and held-out ones apart. What is meant by each
 * figure is in `evaluation.ts` and in src/metrics.
 */
export async function* evaluateVideo(
  folder: string,
  runtime: Runtime,
  options: EvaluateOptions,
): AsyncGenerator<EvaluateEvent> {
  const { captions = 'en', limit, seed = 0, signal } = options
  const { steps = usualDrawing.steps, guidance = usualDrawing.guidance } = options
  const model = await textToVideo(folder, runtime)
  const open: { release(): Promise<void> }[] = [model]
  try {
    const judge = await openJudge(folder, runtime)
    open.push(judge)
    const vae = await reconstructor(
      await readPart(folder, 'vae', 'VideoVae'),
      { size: model.width, frames: model.frames },
      runtime,
    )
    open.push(vae)
    const { clips, fingerprint, dataSize } = await openData(options, model)
    open.push({ release: async () => clips.close() })
    const chosen = choose(clips.samples, limit)
    yield { kind: 'begin', count: chosen.length, size: clips.size }

    const subjects: Subject[] = []
    for (const [index, i] of chosen.entries()) {
      stopIfAsked(signal, index, chosen.length)
      const meta = clips.samples[i]
      const recipe: Recipe = { prompt: meta[captions].label, negativePrompt: '', seed: seed + i, steps, guidance }
      const drawn = await drawOne(model, recipe, signal)
      subjects.push(await measureOne({ clips, i, drawn, judge, vae, label: recipe.prompt }))
      yield { kind: 'clip', index, meta, recipe, drawn }
    }
    const part = (split: Subject['split']) => partScores(subjects, split, { seed })
    const settings = { captions, seed, steps, guidance, frames: model.frames, modelSize: model.width, dataSize }
    const evaluation = {
      ...{ modelHash: (await weightsHash(folder)).slice(0, 16), data: fingerprint, ...settings, size: clips.size },
      training: part('train'),
      ...(subjects.some(({ split }) => split === 'held-out') ? { heldOut: part('held-out') } : {}),
      heldOutIsSeen: heldOutIsSeen(clips.samples),
    }
    yield { kind: 'result', evaluation }
  } finally {
    for (const one of open) await one.release()
  }
}

/** The project's CLIP in a model folder, which sees what was drawn. */
async function openJudge(folder: string, runtime: Runtime): Promise<ClipFeatures> {
  const words = await readTokenizer(folder)
  return clipFeatures(await readPart(folder, 'text_encoder', 'CLIPModel'), words, runtime)
}

/** The real clips, at the size at which they are compared. */
async function openData({ data, cacheDir }: EvaluateOptions, { width: size, frames }: TextToVideo) {
  const dataset = await readDataset(data)
  if (dataset.frames !== frames)
    throw new TubeletError(
      'input',
      `${data}: its clips have ${dataset.frames} frames, and the model draws ${frames}; build a data set with --frames ${frames}`,
    )
  const clips = await loadClips(data, { size: Math.min(size, dataset.size), cacheDir })
  return { clips, fingerprint: dataset.fingerprint, dataSize: dataset.size }
}

/** Indices of at most `limit` samples of each split, evenly over it. */
function choose(samples: readonly SampleMeta[], limit = Number.POSITIVE_INFINITY): number[] {
  return (['train', 'held-out'] as const).flatMap((split) => {
    const own = samples.flatMap((sample, i) => (sample.split === split ? [i] : []))
    const count = Math.min(limit, own.length)
    return Array.from({ length: count }, (_, k) => own[Math.floor((k * own.length) / count)])
  })
}

function stopIfAsked(signal: AbortSignal | undefined, done: number, count: number) {
  if (signal?.aborted)
    throw new TubeletError('stopped', `the evaluation was stopped after ${done} of ${count} clips`, {
      cause: signal.reason,
    })
}

async function drawOne(model: TextToVideo, recipe: Recipe, signal?: AbortSignal): Promise<Clip> {
  for await (const event of model.generate([recipe], signal)) if (event.kind === 'clip') return event.clip
  throw new Error('a model that draws nothing')
}

interface Measurement {
  readonly clips: LoadedClips
  readonly i: number
  readonly drawn: Clip
  readonly judge: ClipFeatures
  readonly vae: Reconstructor
  readonly label: string
}

async function measureOne({ clips, i, drawn, judge, vae, label }: Measurement): Promise<Subject> {
  const { samples, frames: count, size } = clips
  const real: Clip = { frames: clips.pixels(i), count, width: size, height: size, fps: samples[i].fps }
  const reference = loopOf(real, size)
  const measured = async (clip: Clip) => measure(loopOf(clip, size), reference, await judge.ofClip(clip))
  return {
    split: samples[i].split,
    label,
    chance: chanceOfRight(frameDistances(reference, reference), count),
    text: await judge.ofText(label),
    real: await measured(real),
    autoencoder: await measured(await vae.reconstruct(real)),
    drawn: await measured(drawn),
  }
}

/** A clip on white at a size. */
const loopOf = (clip: Clip, size: number): Loop => ({ count: clip.count, bytes: onWhite(resizeClip(clip, size, size)) })
