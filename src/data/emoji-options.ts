import { TubeletError } from '../errors.ts'
import type { PackageProgress, PinnedPackage } from '../files/packages.ts'
import { type BuildOptions, type BuildSettings, buildSettings } from './build-options.ts'
import { type Kind, type Style, styles } from './drawings.ts'

/** What to build of the emoji. */
export interface EmojiOptions extends BuildOptions {
  /** Default ['fluent']. */
  styles?: Style[]
  /** Default both. */
  kinds?: Kind[]
  /** Where the packages are kept; default the user's cache folder. */
  cacheDir?: string
  /** Gives the folder of an unpacked package; default: fetched from the package registry. */
  locate?: (pinned: PinnedPackage, onProgress: (progress: PackageProgress) => void) => Promise<string>
}

/** Options with every default filled in. */
export type EmojiSettings = BuildSettings & Required<Pick<EmojiOptions, 'styles' | 'kinds'>>

/** Fills in defaults; throws TubeletError('usage') when an option is out of its range. */
export function emojiSettings(options: EmojiOptions): EmojiSettings {
  const { out, size, frames, ...coding } = buildSettings(options)
  const unknown = (options.styles ?? []).find((style) => !styles.includes(style))
  if (unknown) throw new TubeletError('usage', `data build: no style ${unknown}; there are ${styles.join(', ')}`)
  return {
    ...{ out, size, frames },
    styles: styles.filter((style) => (options.styles ?? ['fluent']).includes(style)),
    kinds: options.kinds ?? ['clip', 'still'],
    ...coding,
  }
}
