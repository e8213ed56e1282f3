import { readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { TubeletError } from '../errors.ts'
import { isThere } from '../files/disk.ts'
import { lastCheckpoint, listRuns } from '../files/run-list.ts'
import { packageFolder } from '../files/shipped.ts'
import type { Shell } from './command.ts'

/** The model that is used where none is named. */
export const defaultModel = 'emoji-video'

/** A folder with a model in it. */
export interface FoundModel {
  readonly name: string
  readonly path: string
}

/** The models in `models/` of the working folder and of this package; a name that both have is the former's. */
export async function listModels(cwd: string): Promise<FoundModel[]> {
  const found = new Map<string, FoundModel>()
  for (const root of new Set([join(cwd, 'models'), join(packageFolder, 'models')])) {
    for (const name of await readdir(root).catch(() => [])) {
      const path = join(root, name)
      if (!found.has(name) && (await isModel(path))) found.set(name, { name, path })
    }
  }
  return [...found.values()].sort((a, b) => a.name.localeCompare(b.name))
}

/**
 * The folder of a model that the user names: a path, a name under models/, a run (its last checkpoint), or `last` for
 * the newest run in runs/. Throws TubeletError('input') when there is none, with the names that there are.
 */
export async function findModel(name: string, cwd: string): Promise<string> {
  const run = await findRun(name, cwd)
  if (run) return (await lastCheckpoint(run)).path
  const path = resolve(cwd, name)
  if (await isModel(path)) return path
  if (await isModel(join(packageFolder, name))) return join(packageFolder, name) // models/emoji-video
  const models = await listModels(cwd)
  const model = models.find((one) => one.name === name)
  if (model) return model.path
  if (await isThere(path))
    throw new TubeletError('input', `${path}: no model_index.json or config.json in it, so it is no model`)
  const names = models.map((one) => one.name).join(', ') || 'none'
  throw new TubeletError('input', `no model '${name}': no such folder, and the models found are: ${names}`)
}

/** A folder that a recipe builds on: a model, the last checkpoint of a run, or any other, of which it may read a part. */
export async function findParts(name: string, { io, path }: Pick<Shell, 'io' | 'path'>): Promise<string> {
  const run = await findRun(name, io.cwd)
  if (run) return (await lastCheckpoint(run)).path
  return findModel(name, io.cwd).catch(() => path(name))
}

/** The run folder that the user names: a path, a name under runs/, or `last` (also `runs/last`); undefined if it is no run. */
export async function findRun(name: string, cwd: string): Promise<string | undefined> {
  for (const path of [resolve(cwd, name), join(cwd, 'runs', name)])
    if (await isThere(join(path, 'run.json'))) return path
  if (name !== 'last' && !/[\\/]last$/.test(name)) return
  const root = name === 'last' ? join(cwd, 'runs') : resolve(cwd, name, '..')
  const [newest] = await listRuns(root)
  if (!newest) throw new TubeletError('input', `${root}: no run is there, so none is the last`)
  return newest.path
}

/** Whether a folder says what model it holds. */
async function isModel(path: string): Promise<boolean> {
  return (await isThere(join(path, 'model_index.json'))) || isThere(join(path, 'config.json'))
}
