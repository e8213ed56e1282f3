import { stat } from 'node:fs/promises'
import { dirname, extname, join, relative, resolve } from 'node:path'
import { TubeletError } from '../errors.ts'
import { isPictureName } from '../files/picture-file.ts'
import { readVectors, type VectorEntry, writeVectors } from '../files/vector-file.ts'
import { indexName, knownIndex, pictureIndex } from '../generate/picture-index.ts'
import { pipeline } from '../generate/pipeline.ts'
import { dot } from '../generate/zero-shot-pipeline.ts'
import { wholeNumber } from './arguments.ts'
import { checkFiles, clipHash, noteTexts } from './clip-input.ts'
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
    if (query?.trim() === '' || (query === undefined && !buildIndex))
      throw new TubeletError('usage', shell.t('search.which'))
    const byPicture = query !== undefined && isPictureName(query)
    if (byPicture) await checkFiles([shell.path(query)])
    const folder = await findModel(model, shell.io.cwd)
    const modelHash = await clipHash(folder)
    if (query !== undefined && !byPicture) await noteTexts([query], folder, shell)
    await using clip = lazyClip(folder, shell.io.signal)
    const settings = { modelHash, clip, buildIndex, out }
    const fromFile = extname(place) === '.safetensors'
    const known = fromFile ? await fromIndex(place, settings, shell) : await fromFolder(place, settings, shell)
    const { about } = known
    if (query === undefined) {
      shell.result({ model, modelHash, ...about }, about.index ?? '')
      return undefined
    }
    const wanted = byPicture ? await clip.ofPicture(shell.path(query)) : await clip.ofText(query)
    const results = known.entries
      .map((entry, i) => ({ file: known.nameOf(entry), kind: entry.kind, score: dot(wanted, known.rows[i]) }))
      .sort((a, b) => b.score - a.score)
      .slice(0, top)
    const rows = results.map(({ file, score }) => [score.toFixed(3), file])
    const text = table([shell.t('search.score'), shell.t('classify.file')], rows)
    shell.result({ query, by: byPicture ? 'image' : 'text', model, modelHash, ...about, results }, text)
    return undefined
  },
})

/** What is searched. */
interface Searched {
  readonly entries: readonly VectorEntry[]
  readonly rows: readonly Float32Array[]
  /** What to call an entry so that the user finds it. */
  readonly nameOf: (entry: VectorEntry) => string
  readonly about: { readonly index?: string; readonly count: number; readonly skipped?: readonly object[] }
}

interface SearchSettings {
  readonly modelHash: string
  readonly clip: ReturnType<typeof lazyClip>
  readonly buildIndex: boolean
  readonly out?: string
}

/** Both sides of CLIP, each loaded when it is first asked. */
function lazyClip(folder: string, signal: AbortSignal) {
  const open = { images: undefined, texts: undefined } as {
    images?: Awaited<ReturnType<typeof pipeline<'image-feature-extraction'>>>
    texts?: Awaited<ReturnType<typeof pipeline<'feature-extraction'>>>
  }
  return {
    async ofPicture(path: string) {
      open.images ??= await pipeline('image-feature-extraction', folder, { signal })
      return open.images(path)
    },
    async ofText(text: string) {
      open.texts ??= await pipeline('feature-extraction', folder, { signal })
      return open.texts(text)
    },
    async [Symbol.asyncDispose]() {
      await open.images?.release()
      await open.texts?.release()
    },
  }
}

/** A file of vectors is taken as it is: the pictures need not be there. */
async function fromIndex(
  place: string,
  { modelHash, buildIndex, out }: SearchSettings,
  shell: Shell,
): Promise<Searched> {
  if (buildIndex || out !== undefined) throw new TubeletError('usage', shell.t('search.indexOfFolder', { place }))
  const path = shell.path(place)
  const vectors = await readVectors(path)
  if (vectors.modelHash !== modelHash)
    throw new TubeletError(
      'input',
      `${path}: its vectors are of another model (${vectors.modelHash}, and this is ${modelHash}); build it again`,
    )
  const { entries, rows, folder } = vectors
  if (rows.length === 0) throw new TubeletError('input', `${path}: holds no vectors`)
  const nameOf = ({ kind, name }: VectorEntry) =>
    kind === 'text' ? name : relative(shell.io.cwd, resolve(dirname(path), folder, name))
  return { entries, rows, nameOf, about: { index: place, count: rows.length } }
}

/** The pictures of a folder: what its index does not know is computed, and kept where that is wanted. */
async function fromFolder(place: string, settings: SearchSettings, shell: Shell): Promise<Searched> {
  const { modelHash, clip, buildIndex, out } = settings
  const { t, say, path } = shell
  if (await isFile(path(place)))
    throw new TubeletError(
      'input',
      `${path(place)}: is neither a folder nor a .safetensors file, so nothing can be found in it`,
    )
  const index = out ?? join(place, indexName)
  if (buildIndex) await checkVectorFile(index, shell)
  let bar: ReturnType<typeof progress> | undefined
  const found = await pictureIndex(path(place), {
    ...{ modelHash, embed: clip.ofPicture, known: await knownIndex(path(index)) },
    onProgress(done, total) {
      bar ??= progress(shell, { total, label: (done) => t('embed.progress', { done, total }) })
      bar.update(done)
    },
  }).finally(() => bar?.end())
  const { entries, rows, computed, skipped } = found
  const told = (reason: string) => (shell.lang === 'zh' ? (chineseSentence(reason) ?? reason) : reason)
  for (const { reason } of skipped) say(t('search.skipped', { reason: told(reason) }))
  if (buildIndex) {
    const folder = relative(dirname(path(index)), path(place))
    await writeVectors(path(index), { modelHash, folder, entries, rows })
    say(t('search.built', { path: index, count: rows.length, computed }))
  } else if (computed > 0) say(t('search.notKept', { count: computed }))
  return {
    ...{ entries, rows, nameOf: ({ name }) => join(place, name) },
    about: { ...(buildIndex ? { index } : {}), count: rows.length, ...{ computed, skipped } },
  }
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  )
