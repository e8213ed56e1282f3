import { basename } from 'node:path'
import { type Command, Option } from '@commander-js/extra-typings'
import type { Dataset } from '../data/dataset.ts'
import { type Kind, styles } from '../data/drawings.ts'
import { buildEmoji } from '../data/emoji.ts'
import { wholeNumber } from './arguments.ts'
import { followBuild } from './build-progress.ts'
import { command, type Shell } from './command.ts'
import type { Translate } from './messages/index.ts'
import { buildOwnPictures } from './own-pictures.ts'

const kinds: readonly Kind[] = ['clip', 'still']

/** The flags of every build of pictures. */
export const withSizes = (command: Command, t: Translate) =>
  command
    .option('--size <pixels>', t('data.build.size'), wholeNumber(t, { min: 1, max: 512 }), 64)
    .option('--frames <n>', t('data.build.frames'), wholeNumber(t, { min: 1, max: 256 }), 17)
    .option('--quality <n>', t('data.build.quality'), wholeNumber(t, { min: 1, max: 100 }), 80)
    .option('--lossless', t('data.build.lossless'))

export const qualityOf = ({ quality, lossless }: { quality: number; lossless?: true }): number | 'lossless' =>
  lossless ? 'lossless' : quality

/** `tubelet data build emoji`: what is printed on stdout is the folder. */
export const emojiCommand = command({
  define: (command, t) =>
    withSizes(command, t)
      .option('-o, --out <folder>', t('data.build.out'), 'data/emoji')
      .addOption(
        new Option('--styles <style...>', t('data.build.styles'))
          .choices([...styles, 'all'] as const)
          .default(['fluent'] as const),
      )
      .addOption(new Option('--kinds <kind...>', t('data.build.kinds')).choices(kinds).default(kinds)),

  async run(_, { out, size, frames, styles: wanted, kinds, ...coding }, shell) {
    const options = {
      ...{ out: shell.path(out), size, frames, quality: qualityOf(coding), signal: shell.io.signal },
      styles: styles.filter((style) => wanted.some((one) => one === style || one === 'all')),
      kinds: [...kinds],
    }
    printBuild(await followBuild(buildEmoji(options), shell), out, shell)
    return undefined
  },
})

/** `tubelet data build folder DIR`: a person's own pictures as a data set. */
export const folderCommand = command({
  define: (command, t) =>
    withSizes(command, t)
      .argument('<folder>', t('data.build.pictures'))
      .option('-o, --out <folder>', t('data.build.outOfFolder')),

  async run([folder], { out: asked, size, frames, ...coding }, shell) {
    const out = asked ?? `data/${basename(shell.path(folder))}`
    const options = { out: shell.path(out), size, frames, quality: qualityOf(coding) }
    const { dataset } = await buildOwnPictures(shell.path(folder), options, shell)
    printBuild(dataset, out, shell)
    return undefined
  },
})

/** Prints the folder of what was built. */
export function printBuild({ counts, fingerprint, skipped, shards }: Dataset, out: string, shell: Shell): void {
  const left = [...skipped, ...shards.flatMap((shard) => shard.skipped)]
  shell.result({ path: shell.path(out), counts, fingerprint, skipped: left }, out)
}
