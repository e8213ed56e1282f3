import { basename } from 'node:path'
import { TubeletError } from '../errors.ts'
import { type ModelPart, type ModelSummary, parameterCount, readModelParts } from '../files/model-parts.ts'
import { checkpointSteps, lastCheckpoint, readMetrics, readRun, stepName } from '../files/run-list.ts'
import { readRecipe } from './clip-recipe.ts'
import { command, type Shell } from './command.ts'
import { findModel, findRun } from './models.ts'
import { bytes, count, localTime, table } from './text.ts'

/** `tubelet show MODEL|RUN|CLIP`: what is in a model, how a run fares and what is in its last checkpoint, or a clip's recipe. */
export const showCommand = command({
  define: (command, t) => command.argument('<target>', t('show.target')).option('--tensors', t('show.tensors')),

  async run([target], { tensors = false }, shell) {
    if (/\.(webp|gif|png|mp4)$/i.test(target)) return showRecipe(shell.path(target), shell)
    const run = await findRun(target, shell.io.cwd)
    if (run) return showRun(run, tensors, shell)
    const isFile = target.endsWith('.safetensors')
    const model = await readModelParts(isFile ? shell.path(target) : await findModel(target, shell.io.cwd))
    shell.result(modelObject(model, tensors), modelText(model, tensors, shell))
  },
})

/** What a clip was drawn from. */
async function showRecipe(path: string, shell: Shell): Promise<undefined> {
  const recipe = await readRecipe(path, shell.io.env)
  if (typeof recipe !== 'object' || recipe === null)
    throw new TubeletError('input', `${path}: no recipe of tubelet is stored in it`)
  shell.result({ path, recipe }, settings(recipe).replace(/^ {2}/gm, ''))
}

async function showRun(path: string, tensors: boolean, shell: Shell): Promise<undefined> {
  const { record, status } = await readRun(path)
  const last = (await readMetrics(path)).at(-1)
  const steps = await checkpointSteps(path)
  const model =
    steps.length > 0 ? await readModelParts((await lastCheckpoint(path)).path).catch(() => undefined) : undefined
  const { t } = shell
  const step = record.steps === undefined ? record.step : `${record.step}/${record.steps}`
  const lines = [
    basename(path),
    t('show.run', {
      ...record,
      status: t(`status.${status}`),
      step,
      created: localTime(new Date(record.created)),
    }),
    ...(record.error ? [record.error] : []),
    ...(last
      ? [
          Object.entries(last)
            .map(([name, value]) => `${name} ${value}`)
            .join('  '),
        ]
      : []),
    '',
    ...(steps.length === 0 ? [t('show.noCheckpoint')] : [t('show.checkpoint', { name: stepName(steps.at(-1)!) })]),
    ...(model ? [modelText(model, tensors, shell)] : []),
  ]
  const object = {
    path,
    ...record,
    status,
    metrics: last,
    checkpoints: steps,
    model: model && modelObject(model, tensors),
  }
  shell.result(object, lines.join('\n'))
}

const storedTypes = (part: ModelPart): string[] =>
  [...new Set([...part.tensors.values()].map(({ dtype }) => dtype))].sort()

function modelObject({ path, className, parts }: ModelSummary, withTensors: boolean): object {
  const listed = parts.map((part) => ({
    name: part.name,
    class: part.className,
    parameters: parameterCount(part.tensors),
    dtypes: storedTypes(part),
    bytes: part.bytes,
    config: part.config,
    ...(withTensors ? { tensors: [...part.tensors].map(([name, { dtype, shape }]) => ({ name, dtype, shape })) } : {}),
  }))
  const parameters = listed.reduce((sum, part) => sum + part.parameters, 0)
  return { path, class: className, parameters, parts: listed }
}

function modelText({ path, className, parts }: ModelSummary, withTensors: boolean, { t, verbose }: Shell): string {
  const head = [t('show.part'), t('show.class'), t('show.parameters'), t('show.stored'), t('show.size')]
  const row = (part: ModelPart) => [
    part.name,
    part.className ?? '–',
    part.tensors.size === 0 ? '–' : count(parameterCount(part.tensors)),
    storedTypes(part).join(' ') || '–',
    part.bytes === 0 ? '–' : bytes(part.bytes),
  ]
  const sum = parts.reduce((all, part) => all + parameterCount(part.tensors), 0)
  const total = [t('show.total'), '', count(sum), '', bytes(parts.reduce((all, part) => all + part.bytes, 0))]
  const sections = [
    [basename(path), className].filter(Boolean).join('  '),
    table(head, [...parts.map(row), ...(parts.length > 1 ? [total] : [])]),
  ]
  if (verbose || parts.length === 1) {
    for (const { name, config } of parts)
      if (config) sections.push(`${t('show.settings', { part: name })}\n${settings(config)}`)
  }
  if (withTensors) {
    const tensors = parts.flatMap((part) => [...part.tensors].map(([name, entry]) => ({ name, ...entry })))
    const rows = tensors.map(({ name, dtype, shape }) => [name, dtype, `[${shape.join(', ')}]`])
    sections.push(table([t('show.tensor'), t('show.stored'), t('show.shape')], rows))
  }
  return sections.join('\n\n')
}

const settings = (config: object): string =>
  Object.entries(config)
    .map(([key, value]) => `  ${key}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join('\n')
