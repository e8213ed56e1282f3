import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readWeights } from '../files/checkpoint.ts'
import { readJson } from '../files/disk.ts'
import { weightsHash } from '../files/hash.ts'
import { modelIndex } from './model-index.ts'
import { checkClass, type ModelPart } from './model-part.ts'

/** Reads one part of a model folder in the diffusers layout and checks that it is of the class that is wanted. */
export async function readPart(folder: string, part: string, className: string): Promise<ModelPart> {
  const at = join(folder, part)
  const said = { folder: at, className, config: await readJson(join(at, 'config.json')) }
  checkClass(said)
  return { ...said, ...(await readWeights(at)) }
}

/** Contents of every file of some parts of a model folder, by path: what a run copies that trains another part. */
export async function partFiles(folder: string, parts: readonly string[]): Promise<Record<string, Uint8Array>> {
  const files: Record<string, Uint8Array> = {}
  for (const part of parts)
    for (const name of await readdir(join(folder, part)))
      files[`${part}/${name}`] = await readFile(join(folder, part, name))
  return files
}

/** The words that the captions of a model's training taught; undefined where its index does not say. */
export async function knownWordsOf(folder: string): Promise<ReadonlySet<string> | undefined> {
  const file = join(folder, 'model_index.json')
  const json = await readJson(file).catch(() => undefined)
  const { known_words: words } = json === undefined ? {} : modelIndex(json, file)
  return words && new Set(words)
}

/** What vectors are kept under: the first 16 digits of the hash over config and weights of a folder's CLIP. */
export const clipHash = async (folder: string): Promise<string> =>
  (await weightsHash(join(folder, 'text_encoder'))).slice(0, 16)
