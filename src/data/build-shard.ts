import { join } from 'node:path'
import { TubeletError } from '../errors.ts'
import { type TarEntry, writeTar } from '../files/tar.ts'
import { encodeWebp } from '../files/webp.ts'
import type { BuildEvent, BuildSettings, PlannedSample, PlannedShard } from './build-options.ts'
import type { SampleMeta, Shard } from './dataset.ts'
import type { Skipped } from './drawings.ts'
import { storedFps, takeFrames } from './frames.ts'
import { padToSquare, resizeClip, spreadColours } from './resize.ts'

/** What all shards of a build share, and how far it is. */
export interface ShardContext {
  settings: BuildSettings
  signal?: AbortSignal
  progress: { done: number; total: number }
}

/**
 * Writes one shard and tells of every sample; a drawing that cannot be decoded is left out and listed.
 * Throws TubeletError('stopped') when the signal is given; nothing of the shard stays then.
 */
export async function* buildShard(shard: PlannedShard, context: ShardContext): AsyncGenerator<BuildEvent, Shard> {
  const { file, style, kind, samples } = shard
  const { settings, signal, progress } = context
  const entries: TarEntry[] = []
  const skipped: Skipped[] = []
  const counts = { train: 0, 'held-out': 0 }
  // Two drawings at a time: one is decoded or encoded in sharp's threads while another is resized in this one.
  const work = samples.map((sample) => ({ sample, start: once(() => makeSample(sample, shard, settings)) }))
  for (const [i, { sample, start }] of work.entries()) {
    if (signal?.aborted) throw new TubeletError('stopped', 'the build was stopped; the same command goes on with it')
    work[i + 1]?.start().catch(() => {})
    try {
      const { meta, webp } = await start()
      entries.push({ name: `${sample.key}.webp`, bytes: webp })
      entries.push({ name: `${sample.key}.json`, bytes: new TextEncoder().encode(JSON.stringify(meta)) })
      counts[meta.split]++
    } catch (error) {
      if (!(error instanceof TubeletError)) throw error
      skipped.push({ name: sample.name, reason: error.message })
      yield { type: 'skip', name: sample.name, reason: error.message }
    }
    yield { type: 'progress', done: progress.done + i + 1, total: progress.total }
  }
  const written = await writeTar(join(settings.out, file), entries)
  const { train, 'held-out': heldOut } = counts
  return { file, style, kind, samples: train + heldOut, train, heldOut, ...written, skipped }
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => {
    made ??= make()
    return made
  }
}

async function makeSample(
  { concept, split, file, labels, decode }: PlannedSample,
  { kind, style }: PlannedShard,
  settings: BuildSettings,
) {
  const { size, quality, alphaQuality } = settings
  const source = await decode()
  const durationMs = source.delays.reduce((sum, delay) => sum + delay, 0)
  const picked = kind === 'clip' ? takeFrames(source, settings.frames) : source
  const clip = resizeClip(padToSquare(picked), size, size)
  const stored = { ...(quality === 'lossless' ? clip : spreadColours(clip, 3)), fps: storedFps(clip.fps) }
  const webp = await encodeWebp(stored, { quality, alphaQuality })
  const meta: SampleMeta = {
    ...concept,
    file,
    kind,
    style,
    split,
    labels,
    width: size,
    height: size,
    frames: clip.count,
    fps: clip.fps,
    sourceFrames: source.count,
    sourceFps: source.fps,
    durationMs,
  }
  return { meta, webp }
}
