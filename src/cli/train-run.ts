import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { readSafetensors, writeSafetensors } from '../files/checkpoint.ts'
import { readJson } from '../files/disk.ts'
import type { RunFolder } from '../files/run-folder.ts'
import { lastCheckpoint } from '../files/run-list.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Run } from '../train/recipe.ts'
import { type TrainEvent, type TrainState, train } from '../train/train.ts'

type StepEvent = Extract<TrainEvent, { kind: 'step' }>

/** How a prepared run is carried out. */
export interface TrainRunOptions {
  readonly run: Run
  readonly folder: RunFolder
  readonly runtime: Runtime
  readonly resume?: Pick<TrainState, 'step' | 'arrays'>
  readonly signal: AbortSignal
  readonly spin: boolean
  readonly saveMs: number // a checkpoint is written when so long has passed since the last one
  readonly pictureMs: number // and pictures are drawn when so long has passed
  readonly onEvent: (event: TrainEvent) => void
}

/** Carries a run out: metrics, pictures and checkpoints go to its folder. Returns the last step. */
export async function carryOut({
  run,
  folder,
  saveMs,
  pictureMs,
  onEvent,
  ...options
}: TrainRunOptions): Promise<number> {
  let saved = performance.now()
  let drawn = performance.now()
  let last: StepEvent | undefined
  for await (const event of train(run, options)) {
    onEvent(event)
    if (event.kind === 'ready') continue
    last = event
    const { step, loss, scalars, gradientNorm, lr, ms } = event
    await folder.metrics({ step, loss, ...scalars, gradientNorm, lr, ms })
    const now = performance.now()
    if (now - drawn > pictureMs) {
      await draw(run, folder, event)
      drawn = performance.now()
    }
    if (now - saved > saveMs) {
      await save(run, folder, event)
      saved = performance.now()
    }
  }
  if (last) {
    await draw(run, folder, last)
    await save(run, folder, last)
  }
  return last?.step ?? options.resume?.step ?? 0
}

async function draw(run: Run, folder: RunFolder, { step, state }: StepEvent) {
  const pictures = await run.pictures?.(state.weights(true))
  if (!pictures) return
  const at = await folder.samples(step)
  for (const [name, bytes] of Object.entries(pictures)) await writeFile(join(at, name), bytes)
}

async function save(run: Run, folder: RunFolder, { step, state }: StepEvent) {
  const files = (await run.publish?.(state.weights(true))) ?? {}
  await folder.checkpoint(step, async (at) => {
    await mkdir(join(at, 'trainer'))
    await writeSafetensors(join(at, 'trainer', 'state.safetensors'), state.arrays)
    await writeFile(join(at, 'trainer', 'state.json'), JSON.stringify({ step }))
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(at, path)), { recursive: true })
      await writeFile(join(at, path), content)
    }
  })
}

/** The state in the last checkpoint of a run. */
export async function lastState(folder: string): Promise<Pick<TrainState, 'step' | 'arrays'>> {
  const { path, step } = await lastCheckpoint(folder)
  const { arrays } = await readSafetensors(join(path, 'trainer', 'state.safetensors'))
  await readJson(join(path, 'trainer', 'state.json'))
  return { step, arrays: arrays as TrainState['arrays'] }
}
