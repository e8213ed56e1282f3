import { fetchPackage, type PackageProgress } from '../files/packages.ts'
import { buildShards } from './build.ts'
import type { BuildEvent } from './build-options.ts'
import { packagesOf } from './drawings.ts'
import { type EmojiOptions, emojiSettings } from './emoji-options.ts'
import { captionPackage, type EmojiPackage } from './emoji-packages.ts'
import { fingerprintOf, makePlan } from './emoji-plan.ts'
import { openJournal } from './journal.ts'
import { writeLicences } from './licences.ts'

export type { BuildEvent } from './build-options.ts'
export type { EmojiOptions } from './emoji-options.ts'

/**
 * Builds the emoji data set: packages → frames → resized in premultiplied alpha → WebDataset shards with captions.
 * A build that was stopped goes on where it was; a folder that holds another build is left alone (TubeletError 'usage').
 */
export async function* buildEmoji(options: EmojiOptions): AsyncGenerator<BuildEvent> {
  const settings = emojiSettings(options)
  const packages = [...new Set([captionPackage, ...settings.styles.flatMap(packagesOf)])]
  const folders = yield* locateAll(packages, options)
  const { shards, skipped } = await makePlan(settings, folders)
  for (const left of skipped) yield { type: 'skip', ...left }
  const fingerprint = fingerprintOf(settings, packages, shards)
  await using journal = await openJournal(settings.out, fingerprint)
  await writeLicences(settings.out, packages, folders)
  yield* buildShards({
    ...{ name: 'emoji', settings, fingerprint, shards, skipped, packages, journal },
    signal: options.signal,
  })
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
