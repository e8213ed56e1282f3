import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { TubeletError } from '../errors.ts'
import { writeFileAtomic } from '../files/disk.ts'
import { fileHash } from '../files/hash.ts'
import { cacheFolder } from '../files/packages.ts'
import { readDataset, type SampleMeta, type Shard, sampleSchema } from './dataset.ts'
import { readJsonAs } from './json.ts'
import { resizeClip } from './resize.ts'
import { decodeSample, readShards, type SampleFilter, wantedShards } from './shards.ts'

/** Which samples of a data set to load, and at which size. */
export interface ClipOptions extends SampleFilter {
  /** Side in pixels; default that of the data set. */
  size?: number
  /** Where decoded pixels are kept; default in the user's cache folder. */
  cacheDir?: string
  /** Told while samples are decoded, which happens once. */
  onProgress?: (done: number) => void
}

/** Decoded samples in a file of raw bytes; only what is asked for is in memory. */
export interface LoadedClips {
  /** Metadata of each sample. */
  samples: SampleMeta[]
  count: number
  /** Changes with the content and the options. */
  key: string
  /** T of every sample. */
  frames: number
  /** H and W in pixels. */
  size: number
  /** Pixels of one sample: [T, H, W, 4] straight RGBA, a fresh array. */
  pixels(index: number): Uint8Array
  /** Closes the file of pixels; it may be loaded again at once. */
  close(): void
}

/**
 * Loads the clips (or stills) of a data set folder. The first time, every sample is decoded into one file of raw bytes,
 * named for the content of the shards and the options; later that file is opened.
 * Throws TubeletError('input') when the shards are damaged or nothing fits the filter.
 */
export async function loadClips(dir: string, options: ClipOptions = {}): Promise<LoadedClips> {
  const { split, kind = 'clip', styles, cacheDir = join(cacheFolder(), 'clips') } = options
  const dataset = await readDataset(dir)
  const size = options.size ?? dataset.size
  const frames = kind === 'clip' ? dataset.frames : 1
  const shards = wantedShards(dataset.shards, { kind, styles })
  const identity = { format: 1, shards: shards.map(({ sha256 }) => sha256), split, kind, size }
  const key = createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 32)
  const [raw, index] = [join(cacheDir, `${key}.rgba`), join(cacheDir, `${key}.json`)]
  const bytes = frames * size * size * 4
  const known = await readJsonAs(index, z.array(sampleSchema)).catch(() => undefined)
  const written = await stat(raw).catch(() => undefined)
  const ready = known && written?.size === known.length * bytes ? known : undefined
  if (!ready) await checkContent(dir, shards)
  const samples = ready ?? (await decodeAll(dir, raw, { ...options, kind, size }))
  if (!ready) await writeFileAtomic(index, JSON.stringify(samples))
  if (samples.length === 0) {
    throw new TubeletError('input', `${dir}: holds no ${split ? `${split} ` : ''}${kind} of the styles asked for`)
  }
  const file = openSync(raw, 'r')
  return {
    samples,
    count: samples.length,
    key,
    frames,
    size,
    pixels: (at) => readWindow(file, at, { count: samples.length, bytes }),
    close: () => closeSync(file),
  }
}

/** The pixels are kept by the hashes of the shards, so each must have its own. */
async function checkContent(dir: string, shards: readonly Shard[]): Promise<void> {
  for (const { file, sha256 } of shards)
    if ((await fileHash(join(dir, file))) !== sha256)
      throw new TubeletError('input', `${file}: its content is not what dataset.json says (SHA-256 differs)`)
}

/** Writes the decoded pixels of every wanted sample to a file, one after another, and returns their metadata. */
async function decodeAll(dir: string, raw: string, { size = 64, onProgress, ...filter }: ClipOptions) {
  const samples: SampleMeta[] = []
  async function* chunks() {
    const decoded = ahead(readShards(dir, filter), async (sample) => ({ sample, clip: await decodeSample(sample) }))
    for await (const { sample, clip } of decoded) {
      yield resizeClip(clip, size, size).frames
      samples.push(sample.meta)
      onProgress?.(samples.length)
    }
  }
  await writeFileAtomic(raw, chunks())
  return samples
}

/** Results of `work` in the order of the source, up to four at once: sharp decodes in threads of its own. */
async function* ahead<T, R>(source: AsyncIterable<T>, work: (item: T) => Promise<R>): AsyncGenerator<R> {
  const pending: Promise<R>[] = []
  for await (const item of source) {
    const result = work(item)
    result.catch(() => {}) // thrown where it is awaited
    pending.push(result)
    if (pending.length === 4) yield await pending.shift()!
  }
  for (const result of pending) yield await result
}

function readWindow(file: number, at: number, { count, bytes }: { count: number; bytes: number }): Uint8Array {
  if (!Number.isInteger(at) || at < 0 || at >= count) {
    throw new TubeletError('usage', `pixels: the index must be a whole number from 0 to ${count - 1} (got ${at})`)
  }
  const window = new Uint8Array(bytes)
  const read = readSync(file, window, 0, bytes, at * bytes)
  if (read !== bytes) throw new TubeletError('input', `the file of decoded clips ends within sample ${at}; remove it`)
  return window
}
