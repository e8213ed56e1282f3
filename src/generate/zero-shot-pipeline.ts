import { TubeletError } from '../errors.ts'
import { classCache } from './class-cache.ts'
import { clipFeatures } from './clip-features.ts'
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

/** A label and how well it fits: the softmax over all labels of e^s times the cosine, as CLIP learnt it. */
export interface ScoredLabel {
  readonly label: string
  readonly score: number // 0 to 1; those of all labels have the sum 1
}

/** What a call takes beside pictures and labels. */
export interface ClassifyOptions extends CallOptions {
  /** Texts in which `{}` stands for a label; default those of the label's language, English or Chinese. */
  readonly templates?: readonly string[]
}

type Classify = OneOrMany<Picture, ScoredLabel[], [labels: readonly string[], call?: ClassifyOptions]>

/** Pictures to all labels, best first. Throws TubeletError('usage') where there is no label, or an empty one. */
export type ZeroShotClassifier = Classify & Releasable

/** Loads the tokenizer and both sides of the CLIP in a model folder. */
export async function openZeroShot(folder: string, options: PipelineOptions): Promise<ZeroShotClassifier> {
  const frame = pipelineFrame(options, ['tokenizer', 'text_encoder'])
  frame.part('tokenizer')
  const words = await readTokenizer(folder)
  frame.part('text_encoder')
  const clip = await clipFeatures(await readPart(folder, 'text_encoder', 'CLIPModel'), words, frame.runtime)
  const classes = classCache(folder, clip, options.cacheDir)
  const classify = async (
    given: Picture | readonly Picture[],
    labels: readonly string[],
    call: ClassifyOptions = {},
  ) => {
    frame.check(call)
    const distinct = checkLabels(labels)
    const rows = await classes(distinct, call.templates, (done) => {
      frame.check(call)
      options.onProgress?.({ kind: 'label', done, total: distinct.length })
    })
    return frame.each(given, call, async (picture: Picture) => {
      const seen = await clip.ofClip(await framesOf(picture), clipLooks)
      const scores = softmax(rows.map((row) => clip.scale * dot(row, seen)))
      const scored = distinct.map((label, i): ScoredLabel => ({ label, score: scores[i] }))
      return scored.sort((a, b) => b.score - a.score)
    })
  }
  return frame.finish(classify as Classify, [clip])
}

/** Each label once, without blanks around it. */
function checkLabels(labels: readonly string[]): string[] {
  if (labels.length === 0) throw new TubeletError('usage', 'zero-shot: there must be a label')
  const trimmed = labels.map((label) => label.trim())
  const empty = trimmed.indexOf('')
  if (empty >= 0) throw new TubeletError('usage', `zero-shot: label ${empty + 1} of ${labels.length} is empty`)
  return [...new Set(trimmed)]
}

/** The product of two vectors; of two of length 1, their cosine. */
export const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, x, i) => sum + x * b[i], 0)

function softmax(logits: readonly number[]): number[] {
  const most = Math.max(...logits)
  const powers = logits.map((x) => Math.exp(x - most))
  const sum = powers.reduce((a, b) => a + b)
  return powers.map((x) => x / sum)
}
