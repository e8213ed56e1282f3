import { isDeepStrictEqual } from 'node:util'
import { Option } from '@commander-js/extra-typings'
import { TubeletError } from '../errors.ts'
import { weightsHash } from '../files/hash.ts'
import { continueRun, createRun, keepCheckpoint, type RunFolder } from '../files/run-folder.ts'
import { nodeRuntime } from '../runtime/node.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Run } from '../train/recipe.ts'
import { number, pattern, wholeNumber } from './arguments.ts'
import { command, type Shell } from './command.ts'
import { dataPaths, dataSets } from './data-sets.ts'
import { findParts } from './models.ts'
import { packageVersion } from './package.ts'
import { progress } from './progress.ts'
import { loadRecipe, recipePath } from './recipe-file.ts'
import { count } from './text.ts'
import { showEstimate, stepsWithin } from './train-estimate.ts'
import { carryOut } from './train-run.ts'
import { type StoppedRun, stoppedRun } from './train-settings.ts'

/** `tubelet train RECIPE`, `tubelet train --resume RUN`. */
export const trainCommand = command({
  define: (command, t) =>
    command
      .argument('[recipe]', t('train.recipe'))
      .option('--data <dir>', t('train.data'))
      .option('-m, --model <dir>', t('train.model'))
      .option('--from <dir>', t('train.from'))
      .addOption(new Option('--freeze <pattern>', t('train.freeze')).argParser(pattern(t)).conflicts('resume'))
      .option('--steps <n>', t('train.steps'), wholeNumber(t, { min: 1 }))
      .addOption(
        new Option('--minutes <n>', t('train.minutes'))
          .argParser(number(t, { min: 0.01 }))
          .conflicts(['steps', 'resume', 'dryRun']),
      )
      .addOption(
        new Option('-s, --seed <n>', t('train.seed')).argParser(wholeNumber(t, { min: 0 })).conflicts('resume'),
      )
      .option('-o, --out <dir>', t('train.out'), 'runs')
      .option('--resume <run>', t('train.resume'))
      .option('--dry-run', t('train.dryRun'))
      .option('--save-every <minutes>', t('train.saveEvery'), number(t, { min: 0 }), 4)
      .option('--draw-every <minutes>', t('train.drawEvery'), number(t, { min: 0 }), 10)
      .option('--threads <n>', t('train.threads'), wholeNumber(t, { min: 1 }))
      .option('--spin', t('train.spin')),

  async run([name], options, shell) {
    const before = options.resume === undefined ? undefined : await stoppedRun(options.resume, options.steps, shell)
    const asked = await settingsOf(name, options, { before, shell })
    if (!options.dryRun) await keepParts(asked, before?.path ?? shell.path(options.out), shell)
    const runtime = nodeRuntime({ threads: options.threads, spin: options.spin })
    const recipe = await loadRecipe(asked.recipe)
    const data = await dataSets(asked, recipe.data, shell)
    const report = (text: string) => {
      stopIfAsked(shell)
      shell.say(text)
    }
    const prepare = async (steps?: number) => {
      const run = await recipe.prepare({ ...asked, data, steps, runtime, report })
      if (asked.from === undefined || run.weights !== undefined || before) return frozen(run, asked.freeze)
      await run.close?.()
      throw new TubeletError('usage', shell.t('train.takesNoWeights', { name: run.name }))
    }
    const steps =
      options.minutes === undefined
        ? (options.steps ?? before?.steps)
        : await stepsWithin(options.minutes, prepare, { runtime, shell })
    const run = await prepare(steps)
    try {
      if (options.dryRun) return await showEstimate(run, { runtime, shell, done: before?.state?.step })
      stopIfAsked(shell)
      const open = () => openFolder(run, asked, { before, shell, out: options.out })
      const { saveEvery, drawEvery } = options
      await follow(run, { open, before, shell, runtime, saveEvery, drawEvery })
    } finally {
      await run.close?.()
    }
    return undefined
  },
})

function stopIfAsked({ io, t }: Shell) {
  if (io.signal.aborted) throw new TubeletError('stopped', t('train.stoppedEarly'))
}

/** What the flags ask for; where they are silent, a run that goes on keeps what it was begun with. */
interface Asked {
  readonly recipe: string
  readonly data?: string
  readonly model?: string
  readonly from?: string
  readonly freeze?: string
  readonly seed?: number
}

interface Setting {
  readonly before?: StoppedRun
  readonly shell: Shell
}

async function settingsOf(name: string | undefined, flags: Omit<Asked, 'recipe'>, setting: Setting): Promise<Asked> {
  const { before, shell } = setting
  const { data, model, freeze, seed } = flags
  const old = before?.settings
  const from = flags.from === undefined ? old?.from : await findParts(flags.from, shell)
  const recipe = name === undefined ? old?.recipe : recipePath(name, shell.path)
  if (recipe === undefined) throw new TubeletError('usage', shell.t('train.which'))
  return {
    recipe,
    data: dataPaths(data, shell) ?? old?.data,
    model: model === undefined ? old?.model : await findParts(model, shell),
    from,
    freeze: freeze ?? old?.freeze,
    seed: seed ?? old?.seed ?? (from === undefined ? undefined : await seedFrom(from)),
  }
}

/** A seed from the weights, so that a run does not draw again the noise that they have learnt from. */
const seedFrom = async (folder: string): Promise<number> => Number.parseInt((await weightsHash(folder)).slice(0, 8), 16)

/** Keeps the checkpoints that a run will read, from the first: their own runs remove them when newer ones come. */
async function keepParts({ model, from }: Asked, forWhom: string, { say, t }: Shell): Promise<void> {
  for (const folder of new Set([model, from]))
    if (folder && /[\\/]checkpoints[\\/]step-\d+$/.test(folder))
      await keepCheckpoint(folder, forWhom).catch(({ message }) => say(t('train.notKept', { folder, message })))
}

/** A run in which what a pattern names stays as it is too. Throws TubeletError('usage') where it names no parameter. */
function frozen(run: Run, pattern: string | undefined): Run {
  if (pattern === undefined) return run
  const asked = new RegExp(pattern)
  return {
    ...run,
    build(p, ...rest) {
      const outputs = run.build(p, ...rest)
      const names = [...p.all.keys()]
      if (names.some((name) => asked.test(name))) return outputs
      throw new TubeletError('usage', `--freeze ${pattern}: no parameter is named so; there is ${names[0]}`)
    },
    frozen: (name) => run.frozen?.(name) || asked.test(name),
  }
}

/** The folder of a new run, or of the one that goes on. */
async function openFolder(
  run: Run,
  asked: Asked,
  { before, shell, out }: Setting & { out: string },
): Promise<RunFolder> {
  const versions = { tubelet: packageVersion(), node: process.version }
  const { name, seed, steps, settings } = run
  const config = { ...asked, seed, steps, settings }
  if (!before) return createRun(shell.path(out), { name, config, seed, device: 'cpu', versions, steps })
  if (!before.state) shell.say(shell.t('train.noCheckpoint'))
  if (!isDeepStrictEqual(before.settings.settings, JSON.parse(JSON.stringify(settings ?? {}))))
    shell.say(shell.t('train.changed'))
  const { path, heartbeat } = before
  return continueRun(path, { step: before.state?.step ?? 0, steps, versions, config, heartbeat })
}

interface Following extends Setting {
  readonly open: () => Promise<RunFolder>
  readonly runtime: Runtime
  readonly saveEvery: number // minutes
  readonly drawEvery: number
}

/** Carries the run out under a progress line. */
async function follow(run: Run, { shell, before, saveEvery, drawEvery, ...options }: Following): Promise<void> {
  const { io, t } = shell
  const rate = { unit: t('progress.samples'), each: run.samples * (run.accumulate ?? 1) }
  const bar = progress(shell, { total: run.steps, from: before?.state?.step, rate })
  let path = ''
  const step = await carryOut({
    ...options,
    ...{ run, resume: before?.state, signal: io.signal },
    saveMs: saveEvery * 60_000,
    pictureMs: drawEvery * 60_000,
    onReady({ parameters, ms }, folder) {
      path = folder.path
      shell.say(`${path}\n${t('train.ready', { parameters: count(parameters), ms: Math.round(ms) })}`)
    },
    onStep: ({ step, loss }) => bar.update(step, { loss }),
    onTrouble: (trouble) => bar.say(t('train.noPictures', { trouble })),
  }).finally(() => bar.end())
  if (step < run.steps) throw new TubeletError('stopped', t('train.stopped', { step, path }))
  shell.result({ run: path, step }, path)
}
