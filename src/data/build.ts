import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { writeFileAtomic } from '../files/disk.ts'
import { isVideoName } from '../files/picture-file.ts'
import type { BuildEvent, BuildSettings, PlannedShard } from './build-options.ts'
import { buildShard } from './build-shard.ts'
import { captionLanguages } from './captions.ts'
import { type Dataset, datasetSchema, type Shard } from './dataset.ts'
import type { Skipped } from './drawings.ts'
import type { EmojiPackage } from './emoji-packages.ts'
import type { Journal } from './journal.ts'

/** A build that can begin. */
export interface Build {
  readonly name: string
  readonly settings: BuildSettings
  readonly fingerprint: string
  readonly shards: readonly PlannedShard[]
  readonly skipped: Skipped[] // files that belong to no shard
  readonly packages: EmojiPackage[]
  readonly journal: Journal // of the folder of the build
  readonly signal?: AbortSignal
}

/** Writes the shards that the journal does not know, then the index of the data set. */
export async function* buildShards(build: Build): AsyncGenerator<BuildEvent> {
  const { settings, shards: plan, journal, signal } = build
  const total = plan.reduce((sum, { samples }) => sum + samples.length, 0)
  const ready = await Promise.all(plan.map((shard) => isReady(settings.out, journal.finished.get(shard.file))))
  yield { type: 'plan', samples: total, shards: plan.length, resumed: ready.filter(Boolean).length }
  let done = 0
  const shards: Shard[] = []
  for (const [i, shard] of plan.entries()) {
    let result = ready[i] ? journal.finished.get(shard.file) : undefined
    if (result) for (const left of result.skipped) yield { type: 'skip', ...left }
    else {
      result = yield* buildShard(shard, { settings, signal, progress: { done, total } })
      await journal.add(result)
    }
    shards.push(result)
    done += shard.samples.length
    yield { type: 'shard', shard: result, done, total }
  }
  const dataset = describe(build, shards)
  await writeFileAtomic(join(settings.out, 'dataset.json'), `${JSON.stringify(dataset, null, 2)}\n`)
  await journal.remove()
  yield { type: 'done', dataset }
}

/** Whether a shard need not be written again. A video that was left out is tried anew: ffmpeg may be another one by now. */
async function isReady(out: string, finished: Shard | undefined): Promise<boolean> {
  if (!finished || finished.skipped.some(({ name }) => isVideoName(name))) return false
  return stat(join(out, finished.file)).then(
    ({ size }) => size === finished.bytes,
    () => false,
  )
}

function describe({ name, settings, packages, fingerprint, skipped }: Build, shards: Shard[]): Dataset {
  const { size, frames, quality, alphaQuality } = settings
  const sum = (part: Shard[], key: 'samples' | 'bytes' | 'train' | 'heldOut') =>
    part.reduce((total, shard) => total + shard[key], 0)
  const { vips = '', webp = '' } = sharp.versions
  return datasetSchema.parse({
    format: 1,
    name,
    size,
    frames,
    quality,
    alphaQuality,
    languages: [...captionLanguages],
    fingerprint,
    counts: {
      samples: sum(shards, 'samples'),
      clips: sum(
        shards.filter(({ kind }) => kind === 'clip'),
        'samples',
      ),
      stills: sum(
        shards.filter(({ kind }) => kind === 'still'),
        'samples',
      ),
      train: sum(shards, 'train'),
      heldOut: sum(shards, 'heldOut'),
      bytes: sum(shards, 'bytes'),
    },
    packages: packages.map(({ bytes: _, ...pinned }) => pinned),
    tools: { sharp: sharp.versions.sharp ?? '', vips, webp },
    shards,
    skipped,
  })
}
