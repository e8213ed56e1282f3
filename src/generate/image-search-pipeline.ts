import { stat } from 'node:fs/promises'
import { dirname, extname, join, relative, resolve } from 'node:path'
import { TubeletError } from '../errors.ts'
import { readVectors, type VectorEntry, writeVectors } from '../files/vector-file.ts'
import { loadOnce } from '../runtime/load-once.ts'
import { type ImageExtractor, openImageExtractor, openTextExtractor, type TextExtractor } from './feature-pipelines.ts'
import { clipHash } from './model-folder.ts'
import { indexName, knownIndex, type PictureIndex, pictureIndex } from './picture-index.ts'
import {
  type CallOptions,
  type Picture,
  type PipelineOptions,
  pipelineFrame,
  type Releasable,
} from './pipeline-frame.ts'
import { dot } from './zero-shot-pipeline.ts'

/** What a search looks for: words, or what is like a picture. */
export type SearchQuery = string | { readonly picture: Picture }

/** Where a search looks. */
export interface SearchOptions extends CallOptions {
  /** A folder of pictures and clips, or a file of vectors that was written before. */
  readonly in: string
  readonly top?: number // most results; 10
  /** Keeps the vectors of a folder for the next search: in the folder, or in the .safetensors file that is named. */
  readonly keep?: boolean | string
}

/** A picture, or a text of a file of vectors, and the cosine of its vector with that of the query. */
export interface SearchResult {
  readonly path: string // of a text, the text
  readonly kind: VectorEntry['kind']
  readonly score: number
}

/** What was found, and among what. */
export interface Found extends Partial<Pick<PictureIndex, 'computed' | 'skipped'>> {
  readonly results: readonly SearchResult[] // best first
  readonly count: number // of vectors
  readonly modelHash: string // of the CLIP that made them
  readonly index?: string // the file of vectors that was read or written
}

/** Pictures that are nearest to a query; without one their vectors are computed and kept alone. */
export type ImageSearch = ((query: SearchQuery | undefined, options: SearchOptions) => Promise<Found>) & Releasable

/** Makes a search by the CLIP in a model folder; each side of it is loaded when it is first needed. */
export async function openImageSearch(folder: string, options: PipelineOptions): Promise<ImageSearch> {
  const frame = pipelineFrame(options, [])
  const modelHash = await clipHash(folder)
  const images = loadOnce<ImageExtractor>()
  const texts = loadOnce<TextExtractor>()
  const side = { runtime: frame.runtime, signal: options.signal }
  const ofPicture = async (picture: Picture) => {
    const extract = await images.get('images', () => openImageExtractor(folder, side))
    return extract(picture)
  }
  const ofText = async (text: string) => {
    const extract = await texts.get('texts', () => openTextExtractor(folder, side))
    return extract(text)
  }
  const search = async (query: SearchQuery | undefined, call: SearchOptions): Promise<Found> => {
    frame.check(call)
    const { top = 10 } = call
    const embed = (path: string) => {
      frame.check(call)
      return ofPicture(path)
    }
    const onProgress = (done: number, total: number) => options.onProgress?.({ kind: 'item', done, total })
    const inFile = extname(call.in) === '.safetensors'
    const known = inFile ? await fromFile(call, modelHash) : await fromFolder(call, { modelHash, embed, onProgress })
    const { entries, rows, pathOf, about } = known
    const told = { modelHash, ...about }
    if (query === undefined) return { results: [], ...told }
    const wanted = typeof query === 'string' ? await ofText(query) : await ofPicture(query.picture)
    const results = entries
      .map((entry, i) => ({ path: pathOf(entry), kind: entry.kind, score: dot(wanted, rows[i]) }))
      .sort((a, b) => b.score - a.score)
    return { results: results.slice(0, top), ...told }
  }
  return frame.finish(search, [images, texts])
}

/** What is searched. */
interface Searched {
  readonly entries: readonly VectorEntry[]
  readonly rows: readonly Float32Array[]
  readonly pathOf: (entry: VectorEntry) => string
  readonly about: Omit<Found, 'results' | 'modelHash'>
}

/** A file of vectors is taken as it is: the pictures need not be there. */
async function fromFile({ in: path, keep }: SearchOptions, modelHash: string): Promise<Searched> {
  if (keep) throw new TubeletError('usage', `${path}: an index is built of a folder, not of a file of vectors`)
  const vectors = await readVectors(path)
  if (vectors.modelHash !== modelHash)
    throw new TubeletError(
      'input',
      `${path}: its vectors are of another model (${vectors.modelHash}, and this is ${modelHash}); build it again`,
    )
  const { entries, rows, folder } = vectors
  if (rows.length === 0) throw new TubeletError('input', `${path}: holds no vectors`)
  const pathOf = ({ kind, name }: VectorEntry) => (kind === 'text' ? name : resolve(dirname(path), folder, name))
  return { entries, rows, pathOf, about: { index: path, count: rows.length } }
}

interface FolderSettings {
  readonly modelHash: string
  readonly embed: (path: string) => Promise<Float32Array>
  readonly onProgress: (done: number, total: number) => void
}

/** The pictures of a folder: what its index does not know is computed, and kept where that is wanted. */
async function fromFolder({ in: place, keep }: SearchOptions, settings: FolderSettings): Promise<Searched> {
  if (await isFile(place))
    throw new TubeletError(
      'input',
      `${place}: is neither a folder nor a .safetensors file, so nothing can be found in it`,
    )
  const index = typeof keep === 'string' ? keep : join(place, indexName)
  const found = await pictureIndex(place, { ...settings, known: await knownIndex(index) })
  const { entries, rows, computed, skipped } = found
  if (keep)
    await writeVectors(index, {
      ...{ modelHash: settings.modelHash, folder: relative(dirname(index), place) },
      ...{ entries, rows },
    })
  return {
    ...{ entries, rows, pathOf: ({ name }) => join(place, name) },
    about: { ...(keep ? { index } : {}), count: rows.length, computed, skipped },
  }
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  )
