import { createHash } from 'node:crypto'
import type { Clip } from '../files/clip.ts'
import { buildShards } from './build.ts'
import { type BuildEvent, type BuildOptions, buildSettings, cutIntoShards } from './build-options.ts'
import type { Concept } from './captions.ts'
import type { Split } from './code-points.ts'
import type { SampleMeta } from './dataset.ts'
import type { Kind } from './drawings.ts'
import { openJournal } from './journal.ts'

/** Pictures or clips that a program makes, so that all that they show is known. */
export interface MadeSet {
  readonly name: string
  readonly kind: Kind
  /** What decides them, beside size and frames; equal for equal sets. */
  readonly content: unknown
  readonly samples: readonly MadeSample[]
}

/** One of them, not made yet. */
export interface MadeSample {
  readonly concept: Concept
  readonly split: Split
  readonly labels: SampleMeta['labels']
  make(form: { size: number; frames: number }): Clip
}

/** Writes a set as a data set, in the form of every other; numbers are the keys of the samples. */
export async function* buildMade(set: MadeSet, options: BuildOptions): AsyncGenerator<BuildEvent> {
  const settings = buildSettings(options)
  const { name, kind } = set
  const samples = set.samples.map(({ concept, split, labels, make }, i) => ({
    key: String(i).padStart(6, '0'),
    name: `${name} ${i}`,
    ...{ concept, split, labels },
    async decode() {
      const clip = make(settings)
      return { ...clip, delays: kind === 'still' ? [] : new Array<number>(clip.count).fill(1000 / clip.fps) }
    },
  }))
  const shards = cutIntoShards(samples, { kind, shardSamples: settings.shardSamples })
  const { out: _, ...form } = settings
  const fingerprint = createHash('sha256')
    .update(JSON.stringify({ format: 1, name, form, content: set.content }))
    .digest('hex')
  await using journal = await openJournal(settings.out, fingerprint)
  const { signal } = options
  yield* buildShards({ name, settings, fingerprint, shards, skipped: [], packages: [], journal, signal })
}
