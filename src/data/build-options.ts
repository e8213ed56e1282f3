import { TubeletError } from '../errors.ts'
import type { PackageProgress } from '../files/packages.ts'
import type { Concept } from './captions.ts'
import type { Split } from './code-points.ts'
import type { Dataset, SampleMeta, Shard } from './dataset.ts'
import type { Drawing, Kind, Skipped, Style } from './drawings.ts'

/** What every build of a data set is told. */
export interface BuildOptions {
  /** Folder for the shards; made where absent. */
  out: string
  /** Side of the pictures in pixels; default 64. */
  size?: number
  /** Frames of a clip, evenly over the loop; default 17 (4k+1, for autoencoders that are causal in time). */
  frames?: number
  /** WebP quality, 1 to 100 or 'lossless'; default 80. */
  quality?: number | 'lossless'
  /** WebP quality of alpha; default 100, which is lossless. */
  alphaQuality?: number
  /** Samples in a shard, the unit that is kept when a build is interrupted; default 128. */
  shardSamples?: number
  signal?: AbortSignal
}

/** The same with every default filled in. */
export type BuildSettings = Required<Omit<BuildOptions, 'signal'>>

/** What happens while a data set is built. */
export type BuildEvent =
  | ({ type: 'package' } & PackageProgress)
  | { type: 'plan'; samples: number; shards: number; resumed: number }
  | { type: 'progress'; done: number; total: number }
  | ({ type: 'skip' } & Skipped)
  | { type: 'shard'; shard: Shard; done: number; total: number }
  | { type: 'done'; dataset: Dataset }

/** A sample that is to be written. */
export interface PlannedSample extends Pick<Drawing, 'name' | 'decode'> {
  /** Its name in the shard, without an ending. */
  key: string
  concept: Concept
  split: Split
  /** The file that it was made of, from the folder of a person's own pictures. */
  file?: string
  /** What is known of a made one. */
  labels?: SampleMeta['labels']
}

/** A shard that is to be written: samples of one style and kind. */
export interface PlannedShard {
  file: string
  style?: Style
  kind: Kind
  samples: PlannedSample[]
}

/** Cuts samples of one style and kind into shards. */
export function cutIntoShards(
  samples: readonly PlannedSample[],
  { kind, style, shardSamples }: { kind: Kind; style?: Style; shardSamples: number },
): PlannedShard[] {
  const name = style ? `${style}-${kind}s` : `${kind}s`
  return Array.from({ length: Math.ceil(samples.length / shardSamples) }, (_, i) => {
    const own = samples.slice(i * shardSamples, (i + 1) * shardSamples)
    return { file: `${name}-${String(i).padStart(5, '0')}.tar`, style, kind, samples: own }
  })
}

/** Fills in defaults; throws TubeletError('usage') when an option is out of its range. */
export function buildSettings(options: BuildOptions): BuildSettings {
  const settings: BuildSettings = {
    out: options.out,
    size: options.size ?? 64,
    frames: options.frames ?? 17,
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
  return settings
}
