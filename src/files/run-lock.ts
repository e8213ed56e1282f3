import { randomUUID } from 'node:crypto'
import { link, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { TubeletError } from '../errors.ts'
import { fileError, isAlive } from './disk.ts'

/** Who holds a run folder; the content of its file `lock`. */
export interface LockOwner {
  readonly id: string // of this taking, so that two by one process differ
  readonly pid: number
  readonly host: string
  /** When the process began, where the system tells: a number that no later process with the same pid has. */
  readonly began?: string
}

/** A folder that is held. */
export interface RunLock {
  readonly owner: LockOwner
  release(): Promise<void>
}

/** Milliseconds without a sign of life after which a process of another machine counts as gone. */
const silentMs = 10 * 60_000

/**
 * Takes a run folder for this process; a lock whose process has died is taken over. Of any number of processes that try
 * at once, one succeeds. Throws TubeletError('usage') when the folder is in use.
 */
export async function lockRun(folder: string): Promise<RunLock> {
  const path = join(folder, 'lock')
  const owner: LockOwner = { id: randomUUID(), pid: process.pid, host: hostname(), began: await beginning(process.pid) }
  const mine = join(folder, `.lock-${owner.id}`)
  try {
    await writeFile(mine, JSON.stringify(owner))
    if (!(await linked(mine, path))) await takeOver({ folder, path, mine })
  } catch (error) {
    throw fileError(error, 'lock', folder)
  } finally {
    await rm(mine, { force: true })
  }
  const release = async () => {
    if ((await readOwner(path))?.id === owner.id) await rm(path, { force: true })
  }
  return { owner, release }
}

/** The process that holds a run folder and is alive, if any. */
export async function liveOwner(folder: string): Promise<LockOwner | undefined> {
  const owner = await readOwner(join(folder, 'lock'))
  return owner && (await lives(owner, folder)) ? owner : undefined
}

/** Throws TubeletError('usage') when a living process holds a run folder; who is to write there locks it all the same. */
export async function checkUnused(folder: string): Promise<void> {
  const owner = await liveOwner(folder)
  if (owner) throw inUse(folder, owner)
}

/**
 * Replaces the lock of a dead process. Its successor is whoever first makes the file that is named after the dead lock;
 * a second one finds that file, or finds that the lock is no longer the dead one.
 */
async function takeOver({ folder, path, mine }: { folder: string; path: string; mine: string }): Promise<void> {
  const dead = await readOwner(path)
  if (dead && (await lives(dead, folder))) throw inUse(folder, dead)
  const claim = join(folder, `.lock-after-${dead?.id ?? 'unreadable'}`)
  await removeIfOld(claim)
  if (!(await linked(mine, claim))) throw inUse(folder)
  try {
    const now = await readOwner(path)
    if (now?.id !== dead?.id) throw inUse(folder, now)
    await rename(mine, path)
  } finally {
    await rm(claim, { force: true })
  }
}

/** A claim lives for milliseconds; one that is older was left by a process that was killed just then. */
async function removeIfOld(claim: string): Promise<void> {
  const made = await stat(claim).catch(() => undefined)
  if (made && Date.now() - made.mtimeMs > 60_000) await rm(claim, { force: true })
}

function inUse(folder: string, owner?: LockOwner): TubeletError {
  const who = owner ? `process ${owner.pid} on ${owner.host}` : 'another process'
  return new TubeletError('usage', `${folder} is in use by ${who}; stop it, or choose another folder`)
}

/** Whether the name could be given: false where it is taken. */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

async function readOwner(path: string): Promise<LockOwner | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined)
  if (text === undefined) return
  try {
    const { id, pid, host, began } = JSON.parse(text)
    if (typeof id === 'string' && Number.isInteger(pid) && typeof host === 'string') return { id, pid, host, began }
  } catch {
    // Not written by tubelet, or damaged: nobody holds it.
  }
}

async function lives({ pid, host, began }: LockOwner, folder: string): Promise<boolean> {
  if (host === hostname()) return isAlive(pid) && (began === undefined || began === (await beginning(pid)))
  const sign = await stat(join(folder, 'run.json')).catch(() => undefined)
  return sign !== undefined && Date.now() - sign.mtimeMs < silentMs
}

/** Boot of the machine and start of a process, which together are never used twice; Linux tells, others do not. */
async function beginning(pid: number): Promise<string | undefined> {
  if (process.platform !== 'linux') return
  try {
    const [boot, status] = await Promise.all([
      readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
      readFile(`/proc/${pid}/stat`, 'utf8'),
    ])
    // The 22nd field, counted behind the name in brackets, which may hold spaces.
    return `${boot.trim()} ${status.slice(status.lastIndexOf(')') + 2).split(' ')[19]}`
  } catch {
    return
  }
}
