import { join } from 'node:path'
import { TubeletError } from '../errors.ts'
import type { Clip } from '../files/clip.ts'
import { readTar } from '../files/tar.ts'
import { decodeClip } from '../files/webp.ts'
import type { Split } from './code-points.ts'
import { readDataset, type SampleMeta, type Shard, sampleSchema } from './dataset.ts'
import type { Kind, Style } from './drawings.ts'
import { frameAtEach, storedFps } from './frames.ts'
import { parseAs } from './json.ts'

/** One sample of a shard: its metadata and its picture, not decoded. */
export interface Sample {
  key: string
  meta: SampleMeta
  webp: Uint8Array
}

/** Which samples are wanted; what is left out does not matter. */
export interface SampleFilter {
  split?: Split
  kind?: Kind
  /** Samples without a style, a person's own pictures, are wanted whatever the styles. */
  styles?: readonly Style[]
}

/** The members of a shard that share a key, by extension: `webp`, `json`. */
export interface Members {
  key: string
  parts: Map<string, Uint8Array>
}

/** The shards of a data set that can hold wanted samples. */
export function wantedShards(shards: readonly Shard[], { kind, styles }: SampleFilter): Shard[] {
  return shards.filter(
    (shard) => (!kind || shard.kind === kind) && (!styles || !shard.style || styles.includes(shard.style)),
  )
}

/** Streams the wanted samples of a data set folder in the order of its shards; throws TubeletError('input') at damage. */
export async function* readShards(dir: string, filter: SampleFilter = {}): AsyncGenerator<Sample> {
  const { shards } = await readDataset(dir)
  for (const shard of wantedShards(shards, filter)) {
    let seen = 0
    for await (const members of readMembers(join(dir, shard.file))) {
      seen++
      const sample = parseSample(members, shard.file)
      if (!filter.split || sample.meta.split === filter.split) yield sample
    }
    // A header of zeros is passed over with its member, as the padding of an archive is.
    if (seen !== shard.samples)
      throw new TubeletError('input', `${shard.file}: ${seen} of ${shard.samples} samples can be read`)
  }
}

/** Streams the samples of one tar file as WebDataset has them: members that follow each other and share a key. */
export async function* readMembers(file: string): AsyncGenerator<Members> {
  let current: Members | undefined
  for await (const { name, bytes } of readTar(file)) {
    const dot = name.indexOf('.')
    const [key, extension] = dot < 0 ? [name, ''] : [name.slice(0, dot), name.slice(dot + 1)]
    if (current && current.key !== key) {
      yield current
      current = undefined
    }
    current ??= { key, parts: new Map() }
    current.parts.set(extension, bytes)
  }
  if (current) yield current
}

/** Checks the members of a sample; throws TubeletError('input') when one is missing or its metadata does not fit. */
export function parseSample({ key, parts }: Members, file: string): Sample {
  const [webp, json] = [parts.get('webp'), parts.get('json')]
  if (!webp || !json) throw new TubeletError('input', `${file}: sample ${key} has no ${webp ? 'json' : 'webp'} member`)
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder().decode(json))
  } catch (cause) {
    throw new TubeletError('input', `${file}: ${key}.json is not JSON`, { cause })
  }
  return { key, webp, meta: parseAs(`${file}: ${key}.json`, value, sampleSchema) }
}

const mostPixels = 2 ** 26 // of all frames of a sample

/** Decodes a sample to exactly its frames: [T, H, W, 4] straight RGBA; throws TubeletError('input') when it is damaged. */
export async function decodeSample({ key, meta, webp }: Sample): Promise<Clip> {
  const { frames: count, width, height, fps } = meta
  const name = `${key}.webp`
  if (count * width * height > mostPixels)
    throw new TubeletError('input', `${name}: ${count} frames of ${width}×${height} are more than a sample may have`)
  const stored = await decodeClip(webp, { name, maxPixels: count * width * height })
  if (stored.width !== width || stored.height !== height) {
    const found = `${stored.width}×${stored.height}`
    throw new TubeletError('input', `${name}: is ${found}, its metadata says ${width}×${height}`)
  }
  return { ...frameAtEach(stored, count, storedFps(fps)), fps }
}
