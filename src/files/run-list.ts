import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TubeletError } from '../errors.ts'
import { readJson } from './disk.ts'
import { readJsonLines } from './json-lines.ts'
import { liveOwner } from './run-lock.ts'
import { parseRunRecord, type RunRecord } from './run-record.ts'

/** A run as it is found on the disk. */
export interface FoundRun {
  readonly path: string
  readonly record: RunRecord
  /** 'interrupted': run.json says 'running', and no living process holds the folder. */
  readonly status: RunRecord['status'] | 'interrupted'
}

/** The folder name of a step: step-000500. */
export const stepName = (step: number): string => `step-${String(step).padStart(6, '0')}`

/** Reads what a run folder says of itself. Throws TubeletError('input') when it is none. */
export async function readRun(path: string): Promise<FoundRun> {
  const file = join(path, 'run.json')
  const record = parseRunRecord(await readJson(file), file)
  const dead = record.status === 'running' && !(await liveOwner(path))
  return { path, record, status: dead ? 'interrupted' : record.status }
}

/** The runs in a folder, the newest first; folders without a sound run.json are passed over. */
export async function listRuns(root: string): Promise<FoundRun[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch(() => [])
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(root, name))
  const runs = await Promise.all(folders.map((path) => readRun(path).catch(() => undefined)))
  return runs
    .filter((run) => run !== undefined)
    .sort((a, b) => b.record.created.localeCompare(a.record.created) || b.path.localeCompare(a.path))
}

/** All rows of a run's metrics.jsonl. */
export const readMetrics = async (path: string): Promise<Record<string, number>[]> =>
  (await readJsonLines(join(path, 'metrics.jsonl'))) as Record<string, number>[]

/** The steps of the complete checkpoints of a run, in order. */
export async function checkpointSteps(path: string): Promise<number[]> {
  const names = await readdir(join(path, 'checkpoints')).catch(() => [])
  return names
    .map((name) => /^step-(\d+)$/.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number)
    .sort((a, b) => a - b)
}

/** A complete checkpoint. */
export interface FoundCheckpoint {
  readonly step: number
  readonly path: string
}

/** The checkpoint that the file `last` names, else the newest one. Throws TubeletError('input') where there is none. */
export async function lastCheckpoint(path: string): Promise<FoundCheckpoint> {
  const folder = join(path, 'checkpoints')
  const steps = await checkpointSteps(path)
  const named = Number(/^step-(\d+)\s*$/.exec(await readFile(join(folder, 'last'), 'utf8').catch(() => ''))?.[1])
  const step = steps.includes(named) ? named : steps.at(-1)
  if (step === undefined) throw new TubeletError('input', `${path}: no checkpoint is there yet`)
  return { step, path: join(folder, stepName(step)) }
}
