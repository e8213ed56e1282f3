import { TubeletError } from '../errors.ts'
import { stream } from '../random.ts'

/** The two captions of a sample. */
export interface CaptionPair {
  readonly original: string // as the data came: short
  readonly synthetic: string // as a captioner wrote it: long
}

/** How a data set is relabelled, and which of its samples is asked for. */
export interface RelabelOptions {
  readonly share?: number // of the samples that are told by the synthetic caption; 0.95, as in DALL·E 3
  readonly seed: number
  readonly step?: number
  readonly sample?: number
}

/**
 * The caption that a sample is trained with (Betker et al. 2023, sections 3.1 and 4): the synthetic one for most, the
 * original one for the rest, so that the model knows prompts as people write them. A pure function of seed, step and
 * sample. Throws TubeletError('usage') for a share outside of 0…1.
 */
export function relabel({ original, synthetic }: CaptionPair, { share = 0.95, ...of }: RelabelOptions): string {
  if (!(share >= 0 && share <= 1))
    throw new TubeletError('usage', `relabel: share must be a number from 0 to 1, not ${share}`)
  return stream({ ...of, purpose: 'relabel' }).uniform(1)[0] < share ? synthetic : original
}
