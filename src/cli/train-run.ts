import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { RunFolder } from '../files/run-folder.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Run } from '../train/recipe.ts'
import { type TrainEvent, train } from '../train/train.ts'
import { type SavedState, writeState } from './train-state.ts'

type StepEvent = Extract<TrainEvent, { kind: 'step' }>

/** How a prepared run is carried out. */
export interface TrainRunOptions {
  readonly run: Run
  readonly folder: RunFolder
  readonly runtime: Runtime
  readonly resume?: SavedState
  readonly signal: AbortSignal
  readonly spin: boolean
  readonly saveMs: number // a checkpoint is written when so long has passed since the last one
  readonly pictureMs: number // and pictures are drawn when so long has passed
  readonly onEvent: (event: TrainEvent) => void
  /** Told what went wrong beside the training itself, which goes on. */
  readonly onTrouble: (text: string) => void
}

/** Carries a run out: metrics, pictures and checkpoints go to its folder. Returns the last step. */
export async function carryOut(options: TrainRunOptions): Promise<number> {
  const { run, folder, saveMs, pictureMs, onEvent } = options
  let saved = { step: options.resume?.step ?? 0, at: performance.now() }
  let drawnAt = performance.now()
  let last: StepEvent | undefined
  for await (const event of train(run, options)) {
    onEvent(event)
    if (event.kind === 'ready') continue
    last = event
    const { step, loss, scalars, gradientNorm, lr, ms } = event
    await folder.metrics({ step, loss, ...scalars, gradientNorm, lr, ms })
    if (performance.now() - saved.at > saveMs) {
      await save(run, folder, event)
      saved = { step, at: performance.now() }
    }
    if (performance.now() - drawnAt > pictureMs && step < run.steps) {
      await draw(options, event)
      drawnAt = performance.now()
    }
  }
  if (last && last.step > saved.step) await save(run, folder, last)
  if (last?.step === run.steps) await draw(options, last)
  return last?.step ?? saved.step
}

/** The state of training and, where the recipe makes one, the model as it stands. */
async function save(run: Run, folder: RunFolder, { step, state }: StepEvent): Promise<void> {
  let failure: { error: unknown } | undefined
  const publish = async () => run.publish?.(state.weights(true))
  const files = await publish().catch((error) => {
    failure = { error } // the state is worth saving even so
  })
  await folder.checkpoint(step, async (at) => {
    await writeState(at, state)
    for (const [path, content] of Object.entries(files ?? {})) {
      await mkdir(dirname(join(at, path)), { recursive: true })
      await writeFile(join(at, path), content)
    }
  })
  if (failure) throw failure.error
}

/** A picture that cannot be drawn is no reason to give up hours of training. */
async function draw({ run, folder, onTrouble }: TrainRunOptions, { step, state }: StepEvent): Promise<void> {
  try {
    const pictures = await run.pictures?.(state.weights(true))
    if (!pictures) return
    const at = await folder.samples(step)
    for (const [name, bytes] of Object.entries(pictures)) await writeFile(join(at, name), bytes)
  } catch (error) {
    const { message } = error as Error
    onTrouble(message)
    await folder.event('no pictures', { step, error: message })
  }
}
