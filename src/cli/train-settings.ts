import { join } from 'node:path'
import { z } from 'zod'
import { TubeletError } from '../errors.ts'
import { readJson } from '../files/disk.ts'
import { readRun } from '../files/run-list.ts'
import { checkUnused } from '../files/run-lock.ts'
import type { Shell } from './command.ts'
import { findRun } from './models.ts'
import { lastState, type SavedState } from './train-state.ts'

const settingsSchema = z.object({
  recipe: z.string(),
  data: z.string().optional(),
  model: z.string().optional(),
  from: z.string().optional(),
  freeze: z.string().optional(),
  seed: z.number().int().nonnegative(),
  settings: z.unknown(),
})

/** A run that is to go on. */
export interface StoppedRun {
  readonly path: string
  /** What it was begun with, of its `config.json`. */
  readonly settings: z.infer<typeof settingsSchema>
  readonly state: SavedState | undefined // undefined where it was stopped before its first checkpoint
  readonly steps: number | undefined // its length
  readonly heartbeat: string // the last sign of life before it was read
}

/**
 * Finds the run that the user names, what it was begun with and where it stands; `steps` is its new length, if any.
 * Throws TubeletError('input') where there is none, ('usage') where it is running or has come to its end.
 */
export async function stoppedRun(name: string, steps: number | undefined, shell: Shell): Promise<StoppedRun> {
  const path = await findRun(name, shell.io.cwd)
  if (!path) throw new TubeletError('input', `no run '${name}': no such folder with a run.json in it`)
  await checkUnused(path)
  const { record } = await readRun(path)
  const file = join(path, 'config.json')
  const { data: settings } = settingsSchema.safeParse(await readJson(file))
  if (!settings) throw new TubeletError('input', `${file}: it holds no settings of a training run`)
  const state = await lastState(path, (damage) => shell.say(shell.t('train.damaged', { damage })))
  const length = steps ?? record.steps
  if (state && length !== undefined && state.step >= length)
    throw new TubeletError('usage', `${path} has made its ${state.step} steps; to go on, ask for more with --steps`)
  return { path, settings, state, steps: length, heartbeat: record.heartbeat }
}
