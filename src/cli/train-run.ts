import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { RunFolder } from '../files/run-folder.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Run } from '../train/recipe.ts'
import { type TrainEvent, train } from '../train/train.ts'
import { type SavedState, writeState } from './train-state.ts'

type ReadyEvent = Extract<TrainEvent, { kind: 'ready' }>
type StepEvent = Extract<TrainEvent, { kind: 'step' }>

/** How a prepared run is carried out. */
export interface TrainRunOptions {
  readonly run: Run
  /** Opens the run's folder; called when the first step can begin, so that a run that cannot begin leaves no trace. */
  readonly open: () => Promise<RunFolder>
  readonly runtime: Runtime
  readonly resume?: SavedState
  readonly signal: AbortSignal
  readonly saveMs: number // a checkpoint is written when so long has passed since the last one
  readonly pictureMs: number // and pictures are drawn when so long has passed
  readonly onReady: (event: ReadyEvent, folder: RunFolder) => void
  readonly onStep: (event: StepEvent) => void
  /** Told what went wrong beside the training itself, which goes on. */
  readonly onTrouble: (text: string) => void
}

/** Carries a run out: metrics, pictures, checkpoints and how it ended go to its folder. Returns the last step. */
export async function carryOut(options: TrainRunOptions): Promise<number> {
  let folder: RunFolder | undefined
  const open = async () => {
    folder = await options.open()
    return folder
  }
  try {
    const last = await followEvents({ ...options, open })
    await folder?.finish(last >= options.run.steps ? 'done' : 'stopped')
    return last
  } catch (error) {
    // On a full disk this fails as well; what went wrong first is what is told.
    await folder?.finish('failed', (error as Error).message).catch(() => {})
    throw error
  }
}

async function followEvents(options: TrainRunOptions): Promise<number> {
  const { run, saveMs, pictureMs, resume } = options
  let folder!: RunFolder // from the first event on
  let saved = { step: resume?.step ?? 0, at: performance.now() }
  let drawnAt = performance.now()
  let last: StepEvent | undefined
  for await (const event of train(run, { ...options, weights: run.weights })) {
    if (event.kind === 'ready') {
      folder = await options.open()
      options.onReady(event, folder)
      continue
    }
    if (event.kind === 'failed') {
      // What is thrown next is what is told, also where the disk is full.
      if (event.step > saved.step) await save(run, folder, event).catch(() => {})
      continue
    }
    last = event
    const { step, loss, scalars, gradientNorm, lr, ms } = event
    await folder.metrics({ step, loss, ...scalars, gradientNorm, lr, ms })
    options.onStep(event)
    if (performance.now() - saved.at > saveMs) {
      await save(run, folder, event)
      saved = { step, at: performance.now() }
    }
    if (performance.now() - drawnAt > pictureMs && step < run.steps) {
      await draw(options, folder, event)
      drawnAt = performance.now()
    }
  }
  if (last && last.step > saved.step) await save(run, folder, last)
  if (last?.step === run.steps) await draw(options, folder, last)
  return last?.step ?? saved.step
}

/** The state of training and, where the recipe makes one, the model as it stands. */
async function save(run: Run, folder: RunFolder, { step, state }: Pick<StepEvent, 'step' | 'state'>): Promise<void> {
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
async function draw({ run, onTrouble }: TrainRunOptions, folder: RunFolder, { step, state }: StepEvent): Promise<void> {
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
