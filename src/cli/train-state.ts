import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { TubeletError } from '../errors.ts'
import { readSafetensors, writeSafetensors } from '../files/checkpoint.ts'
import { fileError, readJson } from '../files/disk.ts'
import { checkpointSteps, stepName } from '../files/run-list.ts'
import type { TrainState } from '../train/train.ts'

/** What a run goes on from. */
export type SavedState = Pick<TrainState, 'step' | 'arrays'>

const noteSchema = z.object({ step: z.number().int().nonnegative(), sha256: z.string().optional() })

/**
 * Writes all that a run needs to go on into `trainer/` of a checkpoint that is being made, with the hash of the arrays.
 * Throws TubeletError('numeric') where a weight is not finite: a checkpoint that exists is a good one.
 */
export async function writeState(checkpoint: string, { step, arrays }: SavedState): Promise<void> {
  for (const [name, { data }] of Object.entries(arrays))
    if (!allFinite(data)) throw new TubeletError('numeric', `step ${step}: '${name}' is not finite, so it is not saved`)
  const folder = join(checkpoint, 'trainer')
  const file = join(folder, 'state.safetensors')
  await mkdir(folder)
  await writeSafetensors(file, arrays)
  await writeFile(join(folder, 'state.json'), JSON.stringify({ step, sha256: await sha256(file) }))
}

/**
 * The state in the last checkpoint of a run, or in the one before where that is damaged, which `note` is told; undefined
 * for a run that has saved none yet. Throws TubeletError('input') where all are damaged.
 */
export async function lastState(run: string, note: (damage: string) => void): Promise<SavedState | undefined> {
  const steps = await checkpointSteps(run)
  if (steps.length === 0) return
  const problems: string[] = []
  for (const step of steps.reverse()) {
    try {
      return await readState(join(run, 'checkpoints', stepName(step)))
    } catch (error) {
      if (!(error instanceof TubeletError) || error.code !== 'input') throw error
      problems.push(error.message)
      note(error.message)
    }
  }
  throw new TubeletError('input', `${run}: no checkpoint can be read: ${problems[0]}`)
}

async function readState(checkpoint: string): Promise<SavedState> {
  const folder = join(checkpoint, 'trainer')
  const note = noteSchema.safeParse(await readJson(join(folder, 'state.json')))
  if (!note.success) throw new TubeletError('input', `${folder}/state.json: no step in it`)
  const { step, sha256: expected } = note.data
  const file = join(folder, 'state.safetensors')
  const { arrays } = await readSafetensors(file)
  if (expected !== undefined && (await sha256(file)) !== expected)
    throw new TubeletError('input', `${file}: damaged: its content has changed since it was written`)
  return { step, arrays: arrays as SavedState['arrays'] }
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) hash.update(chunk)
  } catch (error) {
    throw fileError(error, 'read', path)
  }
  return hash.digest('hex')
}

/** x · 0 is 0 for finite numbers alone. */
function allFinite(data: Float32Array): boolean {
  let sum = 0
  for (let i = 0; i < data.length; i++) sum += data[i] * 0
  return sum === 0
}
