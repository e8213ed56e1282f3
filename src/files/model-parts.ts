import { readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { z } from 'zod'
import { TubeletError } from '../errors.ts'
import { readSafetensorsHeader } from './checkpoint.ts'
import { readJson } from './disk.ts'
import type { TensorEntry } from './safetensors.ts'

/** One part of a model: a network with weights, or settings alone, as of a scheduler. */
export interface ModelPart {
  readonly name: string
  /** Class in model_index.json or config.json, where either says. */
  readonly className?: string
  readonly config?: object
  readonly tensors: ReadonlyMap<string, TensorEntry>
  readonly bytes: number // of its weight files
}

/** What a model folder holds. */
export interface ModelSummary {
  readonly path: string
  readonly className?: string
  readonly parts: readonly ModelPart[]
}

/**
 * Reads the parts of a model in the diffusers layout (model_index.json and a folder a part), of one folder with a
 * config.json, or of one safetensors file; of weights the headers only. Throws TubeletError('input').
 */
export async function readModelParts(path: string): Promise<ModelSummary> {
  if (path.endsWith('.safetensors')) return { path, parts: [await readPart(path, { files: [path] })] }
  const index = join(path, 'model_index.json')
  if (!(await isFile(index))) {
    const part = await readPart(path, {})
    return { path, className: part.className, parts: [part] }
  }
  const { _class_name: className, ...entries } = parse(indexSchema, await readJson(index), index)
  const parts: ModelPart[] = []
  for (const [name, entry] of Object.entries(entries)) {
    const pair = Array.isArray(entry) && entry.length === 2 && entry.every((one) => typeof one === 'string')
    if (!pair || name === 'known_words') continue // a setting, or a part left out
    if (!/^[\w-]+$/.test(name)) throw new TubeletError('input', `${index}: '${name}' is no folder name`)
    parts.push(await readPart(join(path, name), { className: entry[1] }))
  }
  return { path, className, parts }
}

/** Number of elements of all tensors. */
export const parameterCount = (tensors: ModelPart['tensors']): number =>
  [...tensors.values()].reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0)

const indexSchema = z.looseObject({ _class_name: z.string().optional() })
const configSchema = z.looseObject({
  _class_name: z.string().optional(),
  architectures: z.array(z.string()).optional(),
  model_type: z.string().optional(),
})

async function readPart(path: string, known: { className?: string; files?: string[] }): Promise<ModelPart> {
  const names = known.files ? [] : await listFolder(path)
  const settings = names.find((name) => name === 'config.json' || name === 'scheduler_config.json')
  const config = settings && parse(configSchema, await readJson(join(path, settings)), join(path, settings))
  const files = known.files ?? names.filter(isWeights).map((name) => join(path, name))
  const tensors = new Map<string, TensorEntry>()
  let bytes = 0
  for (const file of files) {
    for (const [name, entry] of (await readSafetensorsHeader(file)).tensors) tensors.set(name, entry)
    bytes += (await stat(file)).size
  }
  const className = known.className ?? config?._class_name ?? config?.architectures?.[0] ?? config?.model_type
  return { name: basename(path), ...(className ? { className } : {}), ...(config ? { config } : {}), tensors, bytes }
}

/** Weight files as transformers and diffusers name them, whole or in shards. */
const isWeights = (name: string): boolean => /^(diffusion_pytorch_)?model(-\d+-of-\d+)?\.safetensors$/.test(name)

async function listFolder(path: string): Promise<string[]> {
  const names = await readdir(path).catch((error: NodeJS.ErrnoException) => error.code ?? 'unknown')
  if (typeof names === 'string')
    throw new TubeletError('input', `${path}: the folder of a model part is missing (${names})`)
  return names.sort()
}

function parse<T>(schema: z.ZodType<T>, value: unknown, path: string): T {
  const { data, error } = schema.safeParse(value)
  if (data !== undefined) return data
  const [{ path: field, message }] = error?.issues ?? [{ path: [], message: 'not what was expected' }]
  throw new TubeletError('input', `${path}: ${field.join('.') || 'the file'}: ${message}`)
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  )
