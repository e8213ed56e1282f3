import { join } from 'node:path'
import { trainingLabels } from '../data/labels.ts'
import { TubeletError } from '../errors.ts'
import { cacheFolder } from '../files/packages.ts'
import { packageFolder } from '../files/shipped.ts'
import { clipHash } from '../generate/model-folder.ts'
import { pipeline } from '../generate/pipeline.ts'
import type { ScoredLabel } from '../generate/zero-shot-pipeline.ts'
import { wholeNumber } from './arguments.ts'
import { checkFiles, noteTexts } from './clip-input.ts'
import { command, type Shell } from './command.ts'
import { defaultModel, findModel } from './models.ts'
import { progress } from './progress.ts'
import { readLines } from './prompts.ts'
import { table } from './text.ts'

/** `tubelet classify FILES... --labels "cat,dog"`: which of some words a picture fits, for classes never trained on. */
export const classifyCommand = command({
  define: (command, t) =>
    command
      .argument('<files...>', t('classify.files'))
      .option('--labels <list>', t('classify.labels'))
      .option('--labels-file <file>', t('classify.labelsFile'))
      .option('-n, --top <n>', t('classify.top'), wholeNumber(t, { min: 1 }), 5)
      .option('-m, --model <model>', t('clip.model'), defaultModel),

  async run([files], { labels: list, labelsFile, top, model }, shell) {
    const given = await givenLabels({ list, file: labelsFile }, shell)
    await checkFiles(files.map((file) => shell.path(file)))
    const folder = await findModel(model, shell.io.cwd)
    if (given) await noteTexts(given, folder, shell)
    const labels = given ?? (await trainingLabels(join(packageFolder, 'data', 'emoji-64'), shell.lang))
    const scored = await classifyAll(folder, { files, labels }, shell)
    const results = files.map((file, i) => ({ file, labels: scored[i].slice(0, top) }))
    const about = { model, modelHash: await clipHash(folder), labelCount: labels.length }
    shell.result({ ...about, results }, report(results, shell))
    return undefined
  },
})

/** The labels that the user wants, each once; undefined where none are named. */
async function givenLabels(
  { list, file }: { list?: string; file?: string },
  { t, path }: Shell,
): Promise<string[] | undefined> {
  if (list === undefined && file === undefined) return undefined
  const lines = file === undefined ? [] : await readLines(file, { path })
  const labels = [...(list ?? '').split(/[,，、]/), ...lines]
    .map((label) => label.trim())
    .filter((label) => label !== '')
  const distinct = [...new Set(labels)]
  if (distinct.length < 2) throw new TubeletError('usage', t('classify.tooFew', { count: distinct.length }))
  return distinct
}

async function classifyAll(
  folder: string,
  { files, labels }: { files: readonly string[]; labels: readonly string[] },
  shell: Shell,
): Promise<ScoredLabel[][]> {
  const total = labels.length + files.length
  const bar = progress(shell, {
    total,
    label: (done) =>
      done <= labels.length
        ? shell.t('classify.label', { done, total: labels.length })
        : shell.t('embed.progress', { done: done - labels.length, total: files.length }),
  })
  const cacheDir = join(cacheFolder(), 'classes')
  try {
    await using classify = await pipeline('zero-shot-image-classification', folder, {
      signal: shell.io.signal,
      cacheDir,
      onProgress(event) {
        if (event.kind === 'label') bar.update(event.done)
        if (event.kind === 'item') bar.update(labels.length + event.done)
      },
    })
    return await classify(
      files.map((file) => shell.path(file)),
      labels,
    )
  } finally {
    bar.end()
  }
}

function report(results: readonly { file: string; labels: readonly ScoredLabel[] }[], { t }: Shell): string {
  const rows = results.flatMap(({ file, labels }) =>
    labels.map(({ label, score }, i) => [i === 0 ? file : '', label, score.toFixed(3)]),
  )
  return table([t('classify.file'), t('classify.name'), t('classify.score')], rows)
}
