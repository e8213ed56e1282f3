import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { unknownWords } from '../data/words.ts'
import { readSafetensors, writeSafetensors } from '../files/checkpoint.ts'
import { weightsHash } from '../files/hash.ts'
import { matrixOf, rowsOf } from '../files/vector-file.ts'
import type { TextFeatures } from './clip-features.ts'
import { knownWordsOf } from './model-folder.ts'
import { zeroShotClasses } from './zero-shot.ts'

// Words that captions of the project's data have around a name (src/data/prompts.ts). What a text side has never read there,
// such as 'a picture of', moves all labels to one place.
const englishTemplates = ['{}', 'a {}', '{} emoji']
const chineseTemplates = ['{}', '一个{}', '{}表情']

/** The templates of a label's own language whose words the captions of a model taught; the name alone needs none. */
export function templatesFor(label: string, known: ReadonlySet<string> = new Set()): string[] {
  const templates = /\p{Script=Han}/u.test(label) ? chineseTemplates : englishTemplates
  return templates.filter((template) => unknownWords(template, known).length === 0)
}

/** Labels that are remembered while a process lives; when there are more, they are computed again. */
const mostLabels = 4096

/** Fewer labels are computed faster than a file is found. */
const leastKept = 50

/** The vectors [P] of labels, in the order of the labels; `onLabel` is called after each, and may throw. */
export type ClassCache = (
  labels: readonly string[],
  templates: readonly string[] | undefined,
  onLabel: (done: number) => void,
) => Promise<Float32Array[]>

/** Vectors of labels for the CLIP of a model folder, each computed once; large sets are kept in `cacheDir` too. */
export function classCache(folder: string, { ofText, width }: TextFeatures, cacheDir?: string): ClassCache {
  const remembered = new Map<string, Float32Array>()
  return async (labels, given, onLabel) => {
    const known = given ? undefined : await knownWordsOf(folder)
    const templatesOf = (label: string) => given ?? templatesFor(label, known)
    const keyOf = (label: string) => JSON.stringify([label, templatesOf(label)])
    const keys = labels.map(keyOf)
    const file = cacheDir && labels.length >= leastKept ? await fileFor(folder, keys, cacheDir) : undefined
    const stored = file && (await readRows(file, labels.length, width))
    if (stored) return stored
    if (remembered.size + labels.length > mostLabels) remembered.clear()
    const rows: Float32Array[] = []
    for (const [i, label] of labels.entries()) {
      const options = { templates: templatesOf(label), ofText }
      const row = remembered.get(keys[i]) ?? (await zeroShotClasses([label], options))[0]
      remembered.set(keys[i], row)
      rows.push(row)
      onLabel(i + 1)
    }
    // What is kept saves time alone: where it cannot be written, the answer is there all the same.
    if (file) await writeSafetensors(file, { classes: matrixOf(rows) }).catch(() => {})
    return rows
  }
}

async function fileFor(folder: string, keys: readonly string[], cacheDir: string): Promise<string> {
  const parts = await Promise.all(['text_encoder', 'tokenizer'].map((part) => weightsHash(join(folder, part))))
  const hash = createHash('sha256').update(JSON.stringify({ format: 1, parts, keys }))
  return join(cacheDir, `${hash.digest('hex').slice(0, 32)}.classes.safetensors`)
}

/** The rows of a file, if it holds so many. */
async function readRows(file: string, count: number, width: number): Promise<Float32Array[] | undefined> {
  const { classes } = (await readSafetensors(file).catch(() => undefined))?.arrays ?? {}
  if (!(classes?.data instanceof Float32Array) || classes.data.length !== count * width) return undefined
  return rowsOf(classes.data, [count, width])
}
