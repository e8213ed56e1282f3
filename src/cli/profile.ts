import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TubeletError } from '../errors.ts'
import { fileError, readJson } from '../files/disk.ts'
import { readModelParts } from '../files/model-parts.ts'
import { size, type Tensor } from '../graph/index.ts'
import { nodeRuntime } from '../runtime/node.ts'
import type { Arrays, Runtime } from '../runtime/runtime.ts'
import { type Profile, type ProfileRow, profileOf } from '../runtime/trace.ts'
import { optimizer } from '../train/optimizer.ts'
import { grad } from '../transform/grad.ts'
import { wholeNumber } from './arguments.ts'
import { command, type Shell } from './command.ts'
import { dataPaths, dataSets } from './data-sets.ts'
import { findModel, findParts } from './models.ts'
import { firstWeights, modelGraph, type ProfiledGraph, recipeGraph } from './profile-graph.ts'
import { loadRecipe, recipePath } from './recipe-file.ts'
import { bytes, count, table } from './text.ts'

/** `tubelet profile MODEL|RECIPE`: where the time of a forward pass or of a training step goes. */
export const profileCommand = command({
  define: (command, t) =>
    command
      .argument('<target>', t('profile.target'))
      .option('--step', t('profile.step'))
      .option('--part <name>', t('profile.part'))
      .option('--batch <n>', t('profile.batch'), wholeNumber(t, { min: 1 }))
      .option('--shape <name=shape>', t('profile.shape'), (text: string, all: string[]) => [...all, text], [])
      .option('--depth <n>', t('profile.depth'), wholeNumber(t, { min: 1 }), 2)
      .option('--runs <n>', t('profile.runs'), wholeNumber(t, { min: 1 }), 5)
      .option('--threads <n>', t('profile.threads'), wholeNumber(t, { min: 1 }))
      .option('--data <dir>', t('train.data'))
      .option('-m, --model <dir>', t('train.model')),

  async run([target], options, shell) {
    const { step = false, depth, runs, threads } = options
    const runtime = nodeRuntime({ threads })
    const measured: Measurement[] = []
    const each = async (name: string, graph: ProfiledGraph) => {
      shell.say(shell.t('profile.running', { name: graph.className }))
      measured.push(await measure({ name, graph, runtime }, { step, depth, runs }))
    }
    if (/\.[cm]?[jt]s$/.test(target)) {
      if (options.batch || options.shape.length > 0 || options.part)
        throw new TubeletError('usage', shell.t('profile.recipeFixed'))
      const recipe = await loadRecipe(recipePath(target, shell.path))
      const data = await dataSets({ data: dataPaths(options.data, shell) }, recipe.data, shell)
      const model = options.model === undefined ? undefined : await findParts(options.model, shell)
      const run = await recipe.prepare({ data, model, steps: 1, seed: 0, runtime, report: shell.detail })
      try {
        await each(recipe.name, await recipeGraph(run))
      } finally {
        await run.close?.()
      }
    } else {
      const sizes = { batch: options.batch ?? 1, shapes: options.shape }
      for (const { name, json } of await networks(target, options.part, shell))
        await each(name, modelGraph(json, sizes))
    }
    shell.result({ step, runs, parts: measured }, measured.map((one) => report(one, shell)).join('\n\n'))
    return undefined
  },
})

/** The parts of a model that compute something, with their configs. */
async function networks(target: string, part: string | undefined, { io, t }: Shell) {
  const { path, parts } = await readModelParts(await findModel(target, io.cwd))
  const able = parts.filter(({ tensors, config }) => tensors.size > 0 && config)
  const chosen = part === undefined ? able : able.filter(({ name }) => name === part)
  if (chosen.length > 0) return chosen.map(({ name, config }) => ({ name, json: config as unknown }))
  // A config alone is enough: the time does not depend on the weights.
  if (part === undefined && parts.length === 1)
    return [{ name: parts[0].name, json: await readJson(join(path, 'config.json')) }]
  const names = able.map(({ name }) => name).join(', ') || '–'
  throw new TubeletError('input', t('profile.noPart', { path, part: part ?? '–', names }))
}

/** What was found for one graph. */
interface Measurement extends Profile {
  readonly name: string
  readonly class: string
  readonly parameters: number
  readonly ms: number // of one run, by the clock: the median
  readonly optimizerMs?: number
  readonly peakBytes: number // most memory that the process held so far
}

interface Subject {
  readonly name: string
  readonly graph: ProfiledGraph
  readonly runtime: Runtime
}

/** Runs the graph, or its training step, with the engine's trace on. */
async function measure(
  { name, graph, runtime }: Subject,
  options: { step: boolean; depth: number; runs: number },
): Promise<Measurement> {
  const { loss, parameters, inputs, className } = graph
  const trained = parameters.filter((one) => one.trained)
  const update = options.step ? await optimizer(parameters, { ...graph.optimizer, runtime }) : undefined
  const weights = firstWeights(parameters)
  update?.start(weights)
  const gradients = update
    ? grad(
        loss,
        trained.map(({ tensor }) => tensor),
      )
    : []
  const outputs: Record<string, Tensor> = update
    ? { loss, ...Object.fromEntries(trained.map(({ name }, i) => [`gradient ${name}`, gradients[i]])) }
    : graph.outputs
  const folder = await mkdtemp(join(tmpdir(), 'tubelet-')).catch((error) => {
    throw fileError(error, 'write', tmpdir())
  })
  try {
    const program = await runtime.load(outputs, { profile: join(folder, 'trace') })
    const known: Arrays = { ...(update?.live ?? weights), ...inputs }
    const fed = Object.fromEntries(program.inputs.map(({ name }) => [name, known[name]]))
    const [times, updates]: [number[], number[]] = [[], []]
    for (let i = 0; i <= options.runs; i++) {
      times.push(await timed(() => program.run(fed, update?.gradients)))
      if (update) updates.push(await timed(() => update.apply({ step: i + 1, lr: 0, scale: 1 })))
    }
    await program.release()
    await update?.release()
    const [file] = await readdir(folder)
    return {
      name,
      class: className,
      parameters: parameters.reduce((sum, { tensor }) => sum + size(tensor.shape), 0),
      ms: middle(times),
      ...(update && { optimizerMs: middle(updates) }),
      peakBytes: process.resourceUsage().maxRSS * 1024,
      ...profileOf(await readFile(join(folder, file), 'utf8'), Object.values(outputs), { depth: options.depth }),
    }
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now()
  await work()
  return performance.now() - from
}

/** The median of all but the first. */
const middle = (times: readonly number[]) => times.slice(1).sort((a, b) => a - b)[(times.length - 1) >> 1]

function report(one: Measurement, { t, paint }: Shell): string {
  const { total, ops, modules, optimizerMs } = one
  const backward = total.backwardMs > 0
  const facts = {
    ...{ name: one.name, class: one.class, ms: one.ms.toFixed(1), parameters: count(one.parameters) },
    ...{ gflop: (total.flops / 1e9).toFixed(1), rate: (total.flops / one.ms / 1e6).toFixed(0) },
    ...{ written: bytes(total.bytes), peak: bytes(one.peakBytes) },
  }
  const head = (title: string) => [
    ...[title, t('profile.nodes'), 'ms', '%', ...(backward ? [t('profile.backward')] : [])],
    ...['GFLOP', 'GFLOP/s', t('profile.written')],
  ]
  const line = (row: ProfileRow) => [
    ...[row.name || '–', String(row.nodes), row.ms.toFixed(2), ((100 * row.ms) / total.ms).toFixed(1)],
    ...(backward ? [row.backwardMs.toFixed(2)] : []),
    ...(row.flops > 0 ? [(row.flops / 1e9).toFixed(2), (row.flops / row.ms / 1e6).toFixed(0)] : ['-', '-']),
    bytes(row.bytes),
  ]
  const lines = [
    paint.green(t('profile.head', facts)),
    ...(optimizerMs === undefined ? [] : [optimizerLine(one, optimizerMs, t)]),
    '',
    table(head(t('profile.op')), ops.map(line)),
    '',
    table(head(t('profile.module')), modules.map(line)),
  ]
  return lines.join('\n')
}

const optimizerLine = ({ parameters }: Measurement, ms: number, t: Shell['t']): string =>
  t('profile.optimizer', { ms: ms.toFixed(1), each: ((ms * 1e6) / parameters).toFixed(2) })
