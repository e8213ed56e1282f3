import { extname, join, relative } from 'node:path'
import { TubeletError } from '../errors.ts'
import { isPictureName } from '../files/picture-file.ts'
import type { Found, SearchResult } from '../generate/image-search-pipeline.ts'
import { indexName } from '../generate/picture-index.ts'
import { pipeline } from '../generate/pipeline.ts'
import { wholeNumber } from './arguments.ts'
import { checkFiles, noteTexts } from './clip-input.ts'
import { command, type Shell } from './command.ts'
import { checkVectorFile } from './embed.ts'
import { chineseSentence } from './messages/sentences.zh.ts'
import { defaultModel, findModel } from './models.ts'
import { progress } from './progress.ts'
import { table } from './text.ts'

/** `tubelet search "a red heart" --in DIR`: the pictures that are nearest to a text or to a picture. */
export const searchCommand = command({
  define: (command, t) =>
    command
      .argument('[query]', t('search.query'))
      .requiredOption('--in <place>', t('search.in'))
      .option('-n, --top <n>', t('search.top'), wholeNumber(t, { min: 1 }), 10)
      .option('--build-index', t('search.buildIndex'))
      .option('-o, --out <file>', t('search.out'))
      .option('-m, --model <model>', t('clip.model'), defaultModel),

  async run([query], { in: place, top, buildIndex = false, out, model }, shell) {
    const { t, path, io } = shell
    if (query?.trim() === '' || (query === undefined && !buildIndex)) throw new TubeletError('usage', t('search.which'))
    const byPicture = query !== undefined && isPictureName(query)
    if (byPicture) await checkFiles([path(query)])
    const folder = await findModel(model, io.cwd)
    if (query !== undefined && !byPicture) await noteTexts([query], folder, shell)
    const inFile = extname(place) === '.safetensors'
    if (inFile && (buildIndex || out !== undefined))
      throw new TubeletError('usage', t('search.indexOfFolder', { place }))
    const index = out ?? join(place, indexName)
    if (buildIndex) await checkVectorFile(index, shell)
    let bar: ReturnType<typeof progress> | undefined
    await using search = await pipeline('image-search', folder, {
      signal: io.signal,
      onProgress(event) {
        if (event.kind !== 'item') return
        const { done, total } = event
        bar ??= progress(shell, { total, label: (done) => t('embed.progress', { done, total }) })
        bar.update(done)
      },
    })
    const wanted = byPicture ? { picture: path(query) } : query
    const keep = buildIndex && path(index)
    const found = await search(wanted, { in: path(place), top, keep }).finally(() => bar?.end())
    tell(found, buildIndex ? index : undefined, shell)

    const { modelHash, count, computed, skipped } = found
    const about = { index: inFile ? place : buildIndex ? index : undefined, count, computed, skipped }
    const made = { model, modelHash, ...about }
    if (query === undefined) {
      shell.result(made, index)
      return undefined
    }
    const nameOf = ({ path: file, kind }: SearchResult) => {
      if (kind === 'text') return file
      return inFile ? relative(io.cwd, file) : join(place, relative(path(place), file))
    }
    const results = found.results.map((one) => ({ file: nameOf(one), kind: one.kind, score: one.score }))
    const rows = results.map(({ file, score }) => [score.toFixed(3), file])
    const text = table([t('search.score'), t('classify.file')], rows)
    shell.result({ query, by: byPicture ? 'image' : 'text', ...made, results }, text)
    return undefined
  },
})

/** Tells which pictures could not be read, and whether what was computed is kept. */
function tell({ count, computed = 0, skipped = [] }: Found, index: string | undefined, { say, t, lang }: Shell) {
  const told = (reason: string) => (lang === 'zh' ? (chineseSentence(reason) ?? reason) : reason)
  for (const { reason } of skipped) say(t('search.skipped', { reason: told(reason) }))
  if (index) say(t('search.built', { path: index, count, computed }))
  else if (computed > 0) say(t('search.notKept', { count: computed }))
}
