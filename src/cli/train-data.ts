import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { readJson } from '../files/disk.ts'
import { modelIndex } from '../generate/model-index.ts'
import type { DataForm } from '../train/recipe.ts'
import type { Shell } from './command.ts'
import { buildOwnPictures } from './own-pictures.ts'

interface Asked {
  readonly data?: string
  readonly from?: string
}

/**
 * The data sets that a recipe reads: a folder of a person's own pictures and clips becomes one in the cache, in the form
 * of the model that the run begins with, else in that of the recipe. What a recipe reads that tells no form stays as it is.
 */
export async function dataSets(asked: Asked, form: DataForm | undefined, shell: Shell): Promise<string | undefined> {
  if (asked.data === undefined || form === undefined) return asked.data
  const folders: string[] = []
  for (const folder of asked.data.split(',')) {
    const built = await stat(join(folder, 'dataset.json')).catch(() => undefined)
    folders.push(built ? folder : (await buildOwnPictures(folder, await formOf(asked.from, form), shell)).out)
  }
  return folders.join(',')
}

async function formOf(from: string | undefined, form: DataForm): Promise<DataForm> {
  const file = from && join(from, 'model_index.json')
  const json = file && (await readJson(file).catch(() => undefined))
  if (!json) return form
  const { size, frames } = modelIndex(json, file)
  return { size, frames }
}
