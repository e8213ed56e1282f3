import { join, resolve } from 'node:path'
import { TubeletError } from '../errors.ts'
import { readJson } from '../files/disk.ts'
import { continueRun, createRun } from '../files/run-folder.ts'
import { nodeRuntime } from '../runtime/node.ts'
import type { Run } from '../train/recipe.ts'
import { train } from '../train/train.ts'
import { number, wholeNumber } from './arguments.ts'
import { command, type Shell } from './command.ts'
import { findRun } from './models.ts'
import { packageFolder, packageVersion } from './package.ts'
import { progress } from './progress.ts'
import { loadRecipe } from './recipe-file.ts'
import { carryOut, lastState } from './train-run.ts'

/** What decides a run; kept as `config.json`, so that it can go on. */
interface Settings {
  readonly recipe: string
  readonly data?: string
  readonly model?: string
  readonly steps: number
  readonly seed: number
}

/** `tubelet train RECIPE`, `tubelet train --resume RUN`. */
export const trainCommand = command({
  define: (command, t) =>
    command
      .argument('[recipe]', t('train.recipe'))
      .option('--data <dir>', t('train.data'))
      .option('-m, --model <dir>', t('train.model'))
      .option('--steps <n>', t('train.steps'), wholeNumber(t, { min: 1 }))
      .option('--minutes <n>', t('train.minutes'), number(t, { min: 0.01 }))
      .option('-s, --seed <n>', t('train.seed'), wholeNumber(t, { min: 0 }))
      .option('-o, --out <dir>', t('train.out'), 'runs')
      .option('--resume <run>', t('train.resume'))
      .option('--save-every <minutes>', t('train.saveEvery'), number(t, { min: 0 }), 4)
      .option('--draw-every <minutes>', t('train.drawEvery'), number(t, { min: 0 }), 10)
      .option('--threads <n>', t('train.threads'), wholeNumber(t, { min: 1 }))
      .option('--spin', t('train.spin')),

  async run([recipeName], options, shell) {
    const before = options.resume ? await findRunOrFail(options.resume, shell) : undefined
    const old = before ? ((await readJson(join(before, 'config.json'))) as Settings) : undefined
    const name = recipeName ?? old?.recipe
    if (!name) throw new TubeletError('usage', shell.t('train.which'))
    const recipe = await loadRecipe(await recipePath(name, shell))
    const runtime = nodeRuntime({ threads: options.threads })
    const asked = {
      data: options.data ?? old?.data,
      model: options.model ?? old?.model,
      seed: options.seed ?? old?.seed,
    }
    const prepare = (steps?: number) => recipe.prepare({ ...asked, steps, runtime, report: (text) => shell.say(text) })
    const steps = options.steps ?? old?.steps ?? (options.minutes && (await stepsFor(options.minutes, prepare, shell)))
    const run = await prepare(steps)
    const settings: Settings = { recipe: resolve(shell.io.cwd, name), ...asked, seed: run.seed, steps: run.steps }
    const versions = { tubelet: packageVersion(), node: process.version }
    const resume = before ? await lastState(before) : undefined
    await using folder = before
      ? await continueRun(before, { step: resume!.step, steps: run.steps, versions })
      : await createRun(shell.path(options.out), {
          name: recipe.name,
          config: { ...settings, settings: run.settings },
          seed: run.seed,
          device: 'cpu',
          versions,
          steps: run.steps,
        })
    shell.say(folder.path)
    const bar = progress(shell, {
      total: run.steps,
      from: resume?.step,
      rate: { unit: shell.t('progress.samples'), each: run.samples },
    })
    try {
      const last = await carryOut({
        ...{ run, folder, runtime, resume },
        signal: shell.io.signal,
        spin: options.spin ?? false,
        saveMs: options.saveEvery * 60_000,
        pictureMs: options.drawEvery * 60_000,
        onEvent: (event) => {
          if (event.kind === 'ready')
            shell.say(shell.t('train.ready', { parameters: event.parameters, ms: Math.round(event.ms) }))
          else bar.update(event.step, { loss: event.loss })
        },
      })
      bar.end()
      await folder.finish(last >= run.steps ? 'done' : 'stopped')
      if (last < run.steps)
        throw new TubeletError('stopped', shell.t('train.stopped', { step: last, path: folder.path }))
      shell.result({ run: folder.path, step: last }, folder.path)
    } catch (error) {
      bar.end()
      if (!shell.io.signal.aborted) await folder.finish('failed', (error as Error).message)
      throw error
    } finally {
      await run.close?.()
    }
    return undefined
  },
})

async function findRunOrFail(name: string, shell: Shell): Promise<string> {
  const found = await findRun(name, shell.io.cwd)
  if (!found) throw new TubeletError('input', `no run '${name}': no such folder with a run.json in it`)
  return found
}

/** A recipe by its path, or one that comes with the package. */
async function recipePath(name: string, shell: Shell): Promise<string> {
  const own = join(packageFolder, 'recipes', name.endsWith('.ts') ? name : `${name}.ts`)
  return /[\\/.]/.test(name) ? shell.path(name) : own
}

/** How many steps fit into some minutes, from the time of a few; their result is thrown away. */
async function stepsFor(minutes: number, prepare: (steps?: number) => Promise<Run>, shell: Shell): Promise<number> {
  shell.say(shell.t('train.measuring'))
  const run = await prepare(1000)
  const times: number[] = []
  for await (const event of train({ ...run, steps: 4 }, { runtime: nodeRuntime() }))
    if (event.kind === 'step') times.push(event.ms)
  await run.close?.()
  const ms = times.slice(1).reduce((a, b) => a + b, 0) / (times.length - 1)
  return Math.max(1, Math.round((minutes * 60_000) / ms))
}
