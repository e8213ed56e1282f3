import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { lastCheckpoint, readMetrics, stepName } from '../src/files/run-list.ts'

/** The path of a recipe of `test/recipes`. */
export const testRecipe = (name: string): string => fileURLToPath(new URL(`recipes/${name}.ts`, import.meta.url))

/** The only run in a folder. */
export async function onlyRun(root: string): Promise<string> {
  const [name, ...others] = await readdir(root)
  if (!name || others.length > 0) throw new Error(`${root}: one run expected, not ${name ? others.length + 1 : 0}`)
  return join(root, name)
}

/** All that must be equal when a run was stopped on its way: the files of a checkpoint, and what each step measured. */
export async function traceOf(run: string, step: number) {
  const at = join(run, 'checkpoints', stepName(step))
  const files = (await readdir(at, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
  const contents = await Promise.all(files.map(async (file) => [file.slice(at.length), await readFile(file, 'hex')]))
  const metrics = (await readMetrics(run)).map(({ ms, ...row }) => row)
  return { files: Object.fromEntries(contents.sort()), metrics }
}

/** How far a run is that another process carries out: the step of its last checkpoint, and of its last row. */
export async function progressOf(run: string): Promise<{ saved: number; done: number }> {
  const saved = await lastCheckpoint(run).catch(() => undefined)
  return { saved: saved?.step ?? 0, done: (await readMetrics(run)).at(-1)?.step ?? 0 }
}
