import { mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { writeFileAtomic } from '../files/disk.ts'
import { fetchPackage, type PackageProgress } from '../files/packages.ts'
import { captionLanguages } from './captions.ts'
import { type Dataset, datasetSchema, type Shard } from './dataset.ts'
import { packagesOf, type Skipped } from './drawings.ts'
import { type BuildEvent, type EmojiOptions, type EmojiSettings, emojiSettings } from './emoji-options.ts'
import { captionPackage, type EmojiPackage } from './emoji-packages.ts'
import { fingerprintOf, makePlan } from './emoji-plan.ts'
import { buildShard } from './emoji-shard.ts'
import { openJournal } from './journal.ts'
import { writeLicences } from './licences.ts'

export type { BuildEvent, EmojiOptions } from './emoji-options.ts'

/**
 * Builds the emoji data set: packages → frames → resized in premultiplied alpha → WebDataset shards with captions.
 * A build that was stopped goes on where it was; a folder that holds another build is left alone (TubeletError 'usage').
 */
export async function* buildEmoji(options: EmojiOptions): AsyncGenerator<BuildEvent> {
  const settings = emojiSettings(options)
  const packages = [...new Set([captionPackage, ...settings.styles.flatMap(packagesOf)])]
  const folders = yield* locateAll(packages, options)
  const { shards: plan, concepts, skipped } = await makePlan(settings, folders)
  for (const left of skipped) yield { type: 'skip', ...left }
  await mkdir(settings.out, { recursive: true })
  const fingerprint = fingerprintOf(settings, packages, plan)
  await using journal = await openJournal(settings.out, fingerprint)
  const total = plan.reduce((sum, { drawings }) => sum + drawings.length, 0)
  const ready = await Promise.all(plan.map((shard) => isReady(settings.out, journal.finished.get(shard.file))))
  yield { type: 'plan', samples: total, shards: plan.length, resumed: ready.filter(Boolean).length }
  let done = 0
  const shards: Shard[] = []
  for (const [i, shard] of plan.entries()) {
    let result = ready[i] ? journal.finished.get(shard.file) : undefined
    if (!result) {
      result = yield* buildShard(shard, { settings, concepts, signal: options.signal, progress: { done, total } })
      await journal.add(result)
    }
    shards.push(result)
    done += shard.drawings.length
    yield { type: 'shard', shard: result, done, total }
  }
  await writeLicences(settings.out, packages, folders)
  const dataset = describe({ settings, packages, fingerprint, shards, skipped })
  await writeFileAtomic(join(settings.out, 'dataset.json'), `${JSON.stringify(dataset, null, 2)}\n`)
  await journal.remove()
  yield { type: 'done', dataset }
}

/** Finds or fetches every package; events of the download are passed on as they come. */
async function* locateAll(
  packages: EmojiPackage[],
  { locate, cacheDir, signal }: EmojiOptions,
): AsyncGenerator<BuildEvent, Map<string, string>> {
  const folders = new Map<string, string>()
  for (const pinned of packages) {
    let latest: PackageProgress | undefined
    let wake = () => {}
    const onProgress = (progress: PackageProgress) => {
      latest = progress
      wake()
    }
    let settled = false
    const folder = (locate?.(pinned, onProgress) ?? fetchPackage(pinned, { cacheDir, signal, onProgress })).finally(
      () => {
        settled = true
        wake()
      },
    )
    folder.catch(() => {})
    while (!settled || latest) {
      if (!latest) await new Promise<void>((done) => (wake = done))
      const progress: PackageProgress | undefined = latest
      latest = undefined
      if (progress) yield { type: 'package', ...progress }
    }
    folders.set(pinned.name, await folder)
  }
  return folders
}

async function isReady(out: string, finished: Shard | undefined): Promise<boolean> {
  if (!finished) return false
  return stat(join(out, finished.file)).then(
    ({ size }) => size === finished.bytes,
    () => false,
  )
}

interface Description {
  settings: EmojiSettings
  packages: EmojiPackage[]
  fingerprint: string
  shards: Shard[]
  skipped: Skipped[]
}

function describe({ settings, packages, fingerprint, shards, skipped }: Description): Dataset {
  const { size, frames, quality, alphaQuality } = settings
  const sum = (part: Shard[], key: 'samples' | 'bytes' | 'train' | 'heldOut') =>
    part.reduce((total, shard) => total + shard[key], 0)
  const { vips = '', webp = '' } = sharp.versions
  return datasetSchema.parse({
    format: 1,
    name: 'emoji',
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
