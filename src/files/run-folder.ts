import { createHash } from 'node:crypto'
import { appendFile, mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { TubeletError } from '../errors.ts'
import { fileError, isThere, readJson, writeFileAtomic, writeFolderAtomic } from './disk.ts'
import { gitCommit } from './git.ts'
import { type JsonLines, openJsonLines } from './json-lines.ts'
import { checkpointSteps, stepName } from './run-list.ts'
import { lockRun, type RunLock } from './run-lock.ts'
import { parseRunRecord, type RunRecord } from './run-record.ts'

// runs/2026-11-22-1742-emoji-video-a1b2/
//   run.json                     status, step, seed, device, versions, commit, process, last sign of life
//   config.json                  the recipe with every default and flag resolved
//   metrics.jsonl  events.jsonl  a row a step; what else happened
//   samples/step-000500/         pictures drawn on the way
//   checkpoints/step-000500/     complete or absent; the text file `last` names the newest
//   lock                         the process that writes here

/** What is known when a run begins. */
export interface NewRun {
  readonly name: string
  /** All settings, as JSON can hold them. */
  readonly config: unknown
  readonly seed: number
  readonly device: string
  readonly versions: Readonly<Record<string, string>>
  readonly steps?: number // planned
}

/** A step's numbers, by name. */
export type Metrics = { readonly step: number } & Readonly<Record<string, number>>

/** A run folder that this process alone writes to, until it is closed. */
export interface RunFolder extends AsyncDisposable {
  readonly path: string
  readonly record: Readonly<RunRecord>
  /** Adds a row to metrics.jsonl. */
  metrics(row: Metrics): Promise<void>
  /** Adds a row to events.jsonl, with the time. */
  event(kind: string, details?: object): Promise<void>
  /** Makes the folder for the samples of a step. */
  samples(step: number): Promise<string>
  /**
   * Lets `fill` write the files of a checkpoint; they appear all or none under checkpoints/step-…, whose path is returned.
   * Only then older ones are removed, but for the `keep` newest, and those of later steps that the run went back behind.
   */
  checkpoint(step: number, fill: (folder: string) => Promise<void>): Promise<string>
  /** Notes how the run ended and lets go of the folder; left without this, it counts as stopped. */
  finish(status: 'done' | 'stopped' | 'failed', error?: string): Promise<void>
}

/** How a run folder is kept. */
export interface RunFolderOptions {
  /** Checkpoints that stay; default 2, so that one is left should a disk damage the other. */
  readonly keep?: number
  /** Milliseconds between signs of life in run.json; default 15 s. */
  readonly heartbeatMs?: number
}

/**
 * Makes `root/<date>-<name>-<hash>` and holds it. The date is in local time; the hash is of the configuration, and of a
 * counter where that name is taken. Throws TubeletError('input') where the disk is full or not writable.
 */
export async function createRun(root: string, run: NewRun, options?: RunFolderOptions): Promise<RunFolder> {
  const created = new Date()
  const config = `${JSON.stringify(run.config, null, 2)}\n`
  const path = await makeFolder(root, (attempt) => {
    const hash = createHash('sha256').update(`${config}${created.toISOString()}${attempt}`).digest('hex')
    return `${localTime(created)}-${kebab(run.name)}-${hash.slice(0, 4)}`
  })
  const lock = await lockRun(path)
  const { name, seed, device, versions, steps } = run
  const git = await gitCommit(process.cwd())
  const time = created.toISOString()
  const state = { name, status: 'running', created: time, heartbeat: time, step: 0, steps, seed, device, git } as const
  try {
    await writeFileAtomic(join(path, 'config.json'), config)
    return await hold(path, { lock, record: { ...state, versions: { ...versions }, ...thisProcess() }, options })
  } catch (error) {
    await lock.release()
    throw error
  }
}

/** Where and how a run goes on. */
export interface ContinuedRun extends RunFolderOptions {
  /** The step of the checkpoint that it goes on from: metrics and events of later steps are dropped. */
  readonly step: number
  readonly device?: string
  readonly versions?: Readonly<Record<string, string>>
  readonly steps?: number
  /** What it is from now on, written over `config.json`. */
  readonly config?: object
  /** The last sign of life in run.json when the step was read: another one tells that somebody else went on meanwhile. */
  readonly heartbeat?: string
}

/**
 * Holds the folder of a run that was stopped or killed, to go on with it.
 * Throws TubeletError('usage') when a living process holds it, ('input') when it is no run folder.
 */
export async function continueRun(
  path: string,
  { step, device, versions, steps, config, heartbeat, ...options }: ContinuedRun,
): Promise<RunFolder> {
  const file = join(path, 'run.json')
  parseRunRecord(await readJson(file), file)
  const lock = await lockRun(path)
  try {
    const { error: _, ...old } = parseRunRecord(await readJson(file), file)
    if (heartbeat !== undefined && old.heartbeat !== heartbeat)
      throw new TubeletError('usage', `${path}: another process has gone on with this run meanwhile; resume it again`)
    if (config) await writeFileAtomic(join(path, 'config.json'), `${JSON.stringify(config, null, 2)}\n`)
    const record: RunRecord = {
      ...old,
      ...{ status: 'running', step, heartbeat: new Date().toISOString() },
      device: device ?? old.device,
      versions: { ...old.versions, ...versions },
      steps: steps ?? old.steps,
      ...thisProcess(),
    }
    return await hold(path, { lock, record, options })
  } catch (error) {
    await lock.release()
    throw error
  }
}

const thisProcess = () => ({ pid: process.pid, host: hostname() })

interface Held {
  lock: RunLock
  record: RunRecord
  options?: RunFolderOptions
}

async function hold(path: string, { lock, record, options = {} }: Held): Promise<RunFolder> {
  const { keep = 2, heartbeatMs = 15_000 } = options
  const upTo = (row: object) => !('step' in row) || Number(row.step) <= record.step
  const sheet = await keepRecord(join(path, 'run.json'), record, heartbeatMs)
  const metrics = await openJsonLines(join(path, 'metrics.jsonl'), upTo)
  const events = await openJsonLines(join(path, 'events.jsonl'), upTo)

  let open = true
  const finish: RunFolder['finish'] = async (status, error) => {
    if (!open) return
    open = false
    try {
      await sheet.last({ status, ...(error === undefined ? {} : { error }) })
    } finally {
      await Promise.all([metrics.close(), events.close()])
      await lock.release()
    }
  }
  return {
    path,
    record,
    async metrics(row) {
      await metrics.append(row)
      record.step = Math.max(record.step, row.step)
    },
    event: (kind, details) => events.append({ time: new Date().toISOString(), kind, ...details }),
    samples: (step) => makeSamples(path, step),
    async checkpoint(step, fill) {
      await durable([metrics, events]) // a checkpoint has all rows that lead to it
      const made = await writeCheckpoint(path, step, fill)
      await sheet.update({ step: Math.max(record.step, step) })
      await prune(path, step, keep)
      return made
    },
    finish,
    [Symbol.asyncDispose]: () => finish('stopped'),
  }
}

/** Writes run.json now, at each change, and as a sign of life every so often until the last change. */
async function keepRecord(file: string, record: RunRecord, heartbeatMs: number) {
  const write = () => writeFileAtomic(file, `${JSON.stringify(record, null, 2)}\n`)
  await write()
  // One writer at a time; a sign of life that fails shows up in the next write that somebody waits for.
  let writing: Promise<void> = Promise.resolve()
  const update = (change: Partial<RunRecord>): Promise<void> => {
    Object.assign(record, change, { heartbeat: new Date().toISOString() })
    writing = writing.catch(() => {}).then(write)
    return writing
  }
  const beat = setInterval(() => void update({}).catch(() => {}), heartbeatMs).unref()
  const last = (change: Partial<RunRecord>): Promise<void> => {
    clearInterval(beat)
    return update(change)
  }
  return { update, last }
}

const durable = (files: readonly JsonLines[]) => Promise.all(files.map((file) => file.sync()))

async function makeSamples(path: string, step: number): Promise<string> {
  const folder = join(path, 'samples', stepName(step))
  try {
    await mkdir(folder, { recursive: true })
  } catch (error) {
    throw fileError(error, 'make', folder)
  }
  return folder
}

async function writeCheckpoint(path: string, step: number, fill: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(path, 'checkpoints', stepName(step))
  await writeFolderAtomic(folder, fill)
  await writeFileAtomic(join(path, 'checkpoints', 'last'), `${stepName(step)}\n`)
  return folder
}

/**
 * After the checkpoint of `step`: removes the ones before it but for the newest, those after it, which a run that went
 * on from an earlier step has left behind, and what a killed process left half written: nobody else writes here.
 */
async function prune(path: string, step: number, keep: number): Promise<void> {
  const folder = join(path, 'checkpoints')
  const steps = await checkpointSteps(path)
  const stay = steps.filter((other) => other <= step).slice(-Math.max(1, keep))
  for (const other of steps) if (await isThere(join(folder, stepName(other), keptFile))) stay.push(other)
  const gone = steps.filter((other) => !stay.includes(other)).map(stepName)
  const parts = (await readdir(folder)).filter((name) => /^\.step-\d+\..*\.part$/.test(name))
  for (const name of [...gone, ...parts]) await rm(join(folder, name), { recursive: true, force: true })
}

const keptFile = 'kept-for.txt'

/** Keeps a checkpoint when newer ones come: another run reads it. `forWhom` is noted in it, once. */
export async function keepCheckpoint(checkpoint: string, forWhom: string): Promise<void> {
  const file = join(checkpoint, keptFile)
  const noted = await readFile(file, 'utf8').catch(() => '')
  if (noted.split('\n').includes(forWhom)) return
  await appendFile(file, `${forWhom}\n`).catch((error) => {
    throw fileError(error, 'write', file)
  })
}

/** Makes a folder that was not there; `nameOf` is asked again where its name is taken. */
async function makeFolder(root: string, nameOf: (attempt: number) => string): Promise<string> {
  try {
    await mkdir(root, { recursive: true })
    for (let attempt = 0; ; attempt++) {
      const path = join(root, nameOf(attempt))
      const made = await mkdir(path).catch((error) => error)
      if (made === undefined) return path
      if (made.code !== 'EEXIST' || attempt === 100) throw made
    }
  } catch (error) {
    throw fileError(error, 'write', root)
  }
}

/** 2026-11-22-1742 */
function localTime(date: Date): string {
  const two = (n: number) => String(n).padStart(2, '0')
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day}-${two(date.getHours())}${two(date.getMinutes())}`
}

/** A name that is safe in a path: letters of any script, digits and single hyphens. */
const kebab = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 60) || 'run'
