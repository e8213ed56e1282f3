import { join } from 'node:path'
import { TubeletError } from '../errors.ts'
import { isThere, readJson } from '../files/disk.ts'
import { modelIndex } from '../generate/model-index.ts'
import type { DataForm } from '../train/recipe.ts'
import type { Shell } from './command.ts'
import { buildOwnPictures } from './own-pictures.ts'

interface Asked {
  readonly data?: string
  readonly from?: string
}

/** The folders that `--data` names, some recipes take several, as paths from the working folder, parted by commas. */
export function dataPaths(data: string | undefined, { path, t }: Pick<Shell, 'path' | 't'>): string | undefined {
  const paths = data?.split(',').map(path)
  const parted = paths?.find((one) => one.includes(','))
  if (parted !== undefined) throw new TubeletError('usage', t('data.comma', { path: parted }))
  return paths?.join(',')
}

/** The data sets that a recipe reads, of its own form unless it begins with a model; where it tells no form, as they are. */
export async function dataSets({ data, from }: Asked, own: DataForm | undefined, shell: Shell) {
  if (data === undefined || own === undefined) return data
  const form = async () => (from !== undefined && (await isThere(indexOf(from))) ? modelForm(from) : own)
  const folders: string[] = []
  for (const folder of data.split(',')) folders.push(await dataSet(folder, form, shell))
  return folders.join(',')
}

/** A data set as it is; a folder of a person's own pictures and clips becomes one in the cache, in the form that is asked for then. */
export async function dataSet(folder: string, form: () => Promise<DataForm>, shell: Shell): Promise<string> {
  if (await isThere(join(folder, 'dataset.json'))) return folder
  return (await buildOwnPictures(folder, await form(), shell)).out
}

/** The form of what a model draws. */
export async function modelForm(model: string): Promise<DataForm> {
  const file = indexOf(model)
  const { size, frames } = modelIndex(await readJson(file), file)
  return { size, frames }
}

const indexOf = (model: string): string => join(model, 'model_index.json')
