import { join } from 'node:path'
import type { BuildOptions } from '../data/build-options.ts'
import type { Dataset } from '../data/dataset.ts'
import { buildFolder, fewPictures, folderFingerprint } from '../data/folder.ts'
import { type FolderListing, listFolder } from '../data/folder-files.ts'
import { cacheFolder } from '../files/packages.ts'
import { followBuild, skippedLine } from './build-progress.ts'
import type { Shell } from './command.ts'
import { type Progress, progress } from './progress.ts'

/** How a person's pictures are to become a data set. */
export type OwnPicturesOptions = Pick<BuildOptions, 'size' | 'frames' | 'quality'> & {
  /** Folder of the data set; default one in the cache that is named for its content. */
  readonly out?: string
}

/** Checks a folder of pictures, says what it found, and turns the folder into a data set, or finds that it has been. */
export async function buildOwnPictures(
  folder: string,
  { out, ...options }: OwnPicturesOptions,
  shell: Shell,
): Promise<{ dataset: Dataset; out: string }> {
  const { env, signal } = shell.io
  let line: Progress | undefined
  const onProgress = (done: number, total: number) => {
    line ??= progress(shell, { total, label: (now) => shell.t('pictures.read', { done: now, total }) })
    line.update(done)
  }
  const listing = await listFolder(folder, { env, signal, onProgress }).finally(() => line?.end())
  for (const note of notesOn(listing, shell)) shell.say(note)
  const place = out ?? join(cacheFolder(), 'folders', folderFingerprint(listing, options).slice(0, 32))
  const dataset = await followBuild(buildFolder(listing, { ...options, out: place, env, signal }), shell)
  return { dataset, out: place }
}

const namesShown = 4

/** What a person should know of the pictures before they are learnt from, one sentence each. */
function notesOn(listing: FolderListing, shell: Shell): string[] {
  const { t } = shell
  const { folder, pictures, skipped, duplicates, unnamed, emptyCaptions, loneCaptions, others } = listing
  const { length: count } = pictures
  const some = (all: readonly string[]) => {
    const names = all.slice(0, namesShown).join(', ')
    return { count: all.length, names: all.length > namesShown ? `${names}, …` : names }
  }
  const same = duplicates.map(({ name, of }) => `${name} (${of})`)
  return [
    t('pictures.found', { count, folder }),
    ...skipped.map((one) => skippedLine(one, shell)),
    ...(duplicates.length > 0 ? [t('pictures.duplicates', some(same))] : []),
    ...(unnamed.length > 0 ? [t('pictures.unnamed', some(unnamed))] : []),
    ...(emptyCaptions.length > 0 ? [t('pictures.emptyCaptions', some(emptyCaptions))] : []),
    ...(loneCaptions.length > 0 ? [t('pictures.loneCaptions', some(loneCaptions))] : []),
    ...(others.length > 0 ? [t('pictures.others', some(others))] : []),
    ...(count < fewPictures ? [t('pictures.few', { count, least: fewPictures })] : []),
  ]
}
