import { createHash } from 'node:crypto'
import { isAbsolute, join, relative, resolve, sep } from 'node:path'
import { TubeletError } from '../errors.ts'
import type { Clip } from '../files/clip.ts'
import type { Environment } from '../files/ffmpeg.ts'
import { noneReadable, readPicture } from '../files/picture-file.ts'
import { buildShards } from './build.ts'
import {
  type BuildEvent,
  type BuildOptions,
  type BuildSettings,
  buildSettings,
  cutIntoShards,
  type PlannedSample,
} from './build-options.ts'
import { splitOf } from './code-points.ts'
import { conceptOf } from './folder-captions.ts'
import type { FolderListing, FolderPicture } from './folder-files.ts'
import { openJournal } from './journal.ts'

/** Fewer pictures than this are little to learn from; of so few of one kind none are held out. */
export const fewPictures = 20

/** Frames a second of a clip that does not say how fast it is. */
const usualFps = 12

/**
 * Builds a data set of a person's own pictures, clips and videos in the form of every other: squares of one size, clips
 * of one length, captions as they are written. Throws TubeletError('usage') where the shards would lie among the
 * pictures, ('input') where no picture can be read.
 */
export async function* buildFolder(
  listing: FolderListing,
  options: BuildOptions & { env?: Environment },
): AsyncGenerator<BuildEvent> {
  const settings = buildSettings(options)
  const { folder, name, pictures, skipped } = listing
  if (isInside(folder, resolve(settings.out)))
    throw new TubeletError('usage', `${settings.out}: lies in the folder of the pictures; choose another with -o`)
  const samples = plannedSamples(listing, settings, options.env)
  const shards = (['clip', 'still'] as const).flatMap((kind) => {
    const own = samples.filter((_, i) => pictures[i].kind === kind)
    return cutIntoShards(own, { kind, shardSamples: settings.shardSamples })
  })
  const fingerprint = folderFingerprint(listing, settings)
  await using journal = await openJournal(settings.out, fingerprint)
  const { signal } = options
  const build = { name, settings, fingerprint, shards, skipped: [...skipped], packages: [], journal, signal }
  for await (const event of buildShards(build)) {
    yield event
    if (event.type !== 'done' || event.dataset.counts.samples > 0) continue
    const [first] = event.dataset.shards.flatMap((shard) => shard.skipped)
    throw noneReadable(folder, first.reason)
  }
}

/** Whether a path is a folder or lies in it; on Windows there is no way from one drive to another. */
function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path)
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
}

/** SHA-256 of all that decides what is built: the content of the pictures, what they are called, size and frames. */
export function folderFingerprint({ pictures }: FolderListing, options: Omit<BuildOptions, 'out'>): string {
  const { out: _, ...settings } = buildSettings({ ...options, out: '' })
  const content = pictures.map(({ name, kind, hash, words: { en, zh } }) => [name, kind, hash, en, zh])
  return createHash('sha256')
    .update(JSON.stringify({ format: 1, settings, content }))
    .digest('hex')
}

function plannedSamples({ folder, pictures }: FolderListing, { frames }: BuildSettings, env?: Environment) {
  const counts = { clip: 0, still: 0 }
  for (const { kind } of pictures) counts[kind]++
  return pictures.map(({ name, hash, words, kind }): PlannedSample => {
    const decode = async () =>
      withDelays(await readPicture(join(folder, name), { name, env, video: { count: frames } }), kind)
    // By its content alone, so that it stays there whatever the picture is called and wherever it lies.
    const split = counts[kind] < fewPictures ? 'train' : splitOf(hash)
    return { key: hash.slice(0, 16), name, file: name, concept: conceptOf(words), split, decode }
  })
}

/** A clip that says how long each frame is shown; a still has no such times. */
function withDelays(clip: Clip & { delays?: number[] }, kind: FolderPicture['kind']): Clip & { delays: number[] } {
  if (kind === 'still') return { ...clip, delays: [] }
  if (clip.delays?.some((delay) => delay > 0)) return { ...clip, delays: clip.delays }
  return { ...clip, delays: new Array<number>(clip.count).fill(1000 / (clip.fps || usualFps)) }
}
