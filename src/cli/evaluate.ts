import { extname, join } from 'node:path'
import { Option } from '@commander-js/extra-typings'
import { captionLanguages } from '../data/captions.ts'
import { type SheetCell, writeContactSheet } from '../data/contact-sheet.ts'
import { resizeClip } from '../data/resize.ts'
import { TubeletError } from '../errors.ts'
import { type Clip, frameOf } from '../files/clip.ts'
import { packageFolder } from '../files/shipped.ts'
import { type EvaluateEvent, type Evaluation, evaluateVideo } from '../generate/evaluate.ts'
import { type Metric, metricNames, type PartScores } from '../generate/evaluation.ts'
import { usualDrawing } from '../generate/text-to-video.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { number, wholeNumber } from './arguments.ts'
import { checkClipPlaces } from './clip-file.ts'
import { command, exitCodes, type Shell } from './command.ts'
import { dataSet, modelForm } from './data-sets.ts'
import { type Condition, failIf, metConditions } from './fail-if.ts'
import { defaultModel, findModel } from './models.ts'
import { progress } from './progress.ts'
import { table } from './text.ts'

const shippedData = join(packageFolder, 'data', 'emoji-64')

/** `tubelet evaluate MODEL`: exit code 10 where a condition of --fail-if holds. */
export const evaluateCommand = command({
  define: (command, t) =>
    command
      .argument('[model]', t('evaluate.model'), defaultModel)
      .option('--data <folder>', t('evaluate.data'))
      .option('--limit <n>', t('evaluate.limit'), wholeNumber(t, { min: 1 }))
      .addOption(
        new Option('--captions <language>', t('evaluate.captions')).choices(captionLanguages).default('en' as const),
      )
      .option('-s, --seed <n>', t('evaluate.seed'), wholeNumber(t, { min: 0, max: 2 ** 52 }), 0)
      .option('--steps <n>', t('generate.steps'), wholeNumber(t, { min: 1, max: 1000 }), usualDrawing.steps)
      .option('--cfg <n>', t('generate.cfg'), number(t, { min: 0, max: 100 }), usualDrawing.guidance)
      .option('--sheet <file>', t('evaluate.sheet'))
      .option('--fail-if <condition>', t('evaluate.failIf'), failIf(t), [] as readonly Condition[]),

  async run([model], { data, sheet, failIf, cfg: guidance, ...options }, shell) {
    const sheetPath = sheet && (await checkSheet(shell.path(sheet), shell))
    const folder = await findModel(model, shell.io.cwd)
    const source = data ? await dataSet(shell.path(data), () => modelForm(folder), shell) : shippedData
    const settings = { data: source, guidance, signal: shell.io.signal, ...options }
    const { evaluation, cells } = await follow(evaluateVideo(folder, nodeRuntime(), settings), shell, Boolean(sheet))
    const failed = metConditions(failIf, evaluation)
    shell.result({ model: folder, ...evaluation, failed }, report(evaluation, shell))
    for (const { condition, value } of failed)
      shell.say(shell.paint.red(shell.t('evaluate.met', { condition, value: figure(value) })))
    const layout = { columns: 6, layout: 'four on two' } as const
    const { sheet: path, noSheet } = sheetPath ? await writeContactSheet(sheetPath, cells, layout) : {}
    if (path) shell.say(shell.t('evaluate.drawnSheet', { path }))
    if (noSheet) {
      shell.say(shell.paint.red(shell.sentence(noSheet)))
      return exitCodes.input
    }
    return failed.length > 0 ? exitCodes.unmet : exitCodes.done
  },
})

async function checkSheet(path: string, { io }: Shell): Promise<string> {
  if (extname(path).toLowerCase() !== '.png') throw new TubeletError('usage', `${path}: the sheet must end in .png`)
  await checkClipPlaces([path], io.env)
  return path
}

/** Shows how far an evaluation is, and keeps its result and what is to be seen of the clips. */
async function follow(events: AsyncGenerator<EvaluateEvent>, shell: Shell, withCells: boolean) {
  const cells: SheetCell[] = []
  let evaluation: Evaluation | undefined
  let total = 0
  let bar: ReturnType<typeof progress> | undefined
  try {
    for await (const event of events) {
      if (event.kind === 'begin') {
        total = event.count
        bar = progress(shell, { total, label: (done) => shell.t('evaluate.clip', { done, total }) })
      } else if (event.kind === 'clip') {
        bar?.update(event.index + 1)
        if (withCells) cells.push(cellOf(event, total))
      } else evaluation = event.evaluation
    }
  } finally {
    bar?.end()
  }
  return { evaluation: evaluation!, cells }
}

/** Pixels of a sheet: more are slow to look at, so that many clips are drawn smaller. */
const sheetPixels = 48e6

function cellOf({ drawn, recipe, meta }: Extract<EvaluateEvent, { kind: 'clip' }>, total: number): SheetCell {
  const side = Math.min(drawn.width, Math.floor(Math.sqrt(sheetPixels / (8 * total))))
  const at = [0, 1, 2, 3].map((k) => frameOf(drawn, Math.floor((k * drawn.count) / 4)))
  const clip: Clip = { ...drawn, frames: new Uint8Array(Buffer.concat(at)), count: 4 }
  return { clip: resizeClip(clip, side, side), lines: [`${recipe.prompt}${meta.split === 'held-out' ? ' *' : ''}`] }
}

function report(evaluation: Evaluation, shell: Shell): string {
  const { training, heldOut, heldOutIsSeen, size, dataSize, modelSize } = evaluation
  const { t } = shell
  const title = heldOutIsSeen ? 'evaluate.heldOutClips' : 'evaluate.heldOut'
  return [
    t('evaluate.training', training),
    partTable(training, shell),
    ...(heldOut ? ['', t(title, heldOut), partTable(heldOut, shell)] : []),
    '',
    t('evaluate.settings', { ...evaluation, size }),
    ...(dataSize === modelSize ? [] : [t('evaluate.resized', { dataSize, modelSize })]),
  ].join('\n')
}

function partTable({ metrics }: PartScores, { t }: Shell): string {
  const head = (['figure', 'drawn', 'interval', 'autoencoder', 'real', 'chance', 'meaning'] as const).map((name) =>
    t(`evaluate.${name}`),
  )
  const rows = metricNames.map((name) => {
    const { value, low, high, autoencoder, real, chance }: Metric = metrics[name]
    const interval = Number.isFinite(low) ? `${figure(low)}…${figure(high)}` : '–'
    return [name, figure(value), interval, ...[autoencoder, real, chance].map(figure), t(`evaluate.${name}`)]
  })
  return table(head, rows)
}

const figure = (value: number | undefined): string =>
  value === undefined || Number.isNaN(value) ? '–' : Math.abs(value) >= 10 ? value.toFixed(2) : value.toFixed(3)
