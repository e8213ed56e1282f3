import { type FileHandle, open, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { TubeletError } from '../errors.ts'
import { type FloatType, fromStored, type NamedArrays, toStored } from './arrays.ts'
import { fileError, readJson, writeFileAtomic } from './disk.ts'
import { headerLength, parseHeader, type SafetensorsHeader, safetensorsChunks, storedData } from './safetensors.ts'

/** Arrays of a checkpoint and the texts stored beside them. */
export interface Checkpoint {
  readonly arrays: NamedArrays
  readonly metadata: Readonly<Record<string, string>>
}

/** What the header of a safetensors file says: names, types, shapes, places, metadata; reads no weights. */
export const readSafetensorsHeader = (path: string): Promise<SafetensorsHeader> =>
  withFile(path, (file) => readHeader(file, path))

/**
 * Reads all arrays of a safetensors file, or of all files that a `*.safetensors.index.json` lists.
 * Throws TubeletError('input') for a file that is missing, truncated or damaged.
 */
export async function readSafetensors(path: string): Promise<Checkpoint> {
  if (path.endsWith('.index.json')) return readShards(path)
  return withFile(path, async (file) => {
    const { tensors, metadata } = await readHeader(file, path)
    const arrays: NamedArrays = {}
    for (const [name, { dtype, shape, span }] of tensors) {
      const bytes = await readSpan(file, span, path)
      define(arrays, name, fromStored(name, { dtype, shape, data: storedData(dtype, bytes) }))
    }
    return { arrays, metadata }
  })
}

/** Reads the weights in a folder as transformers and diffusers name their files, in one file or in shards. */
export async function readWeights(folder: string): Promise<Checkpoint> {
  for (const name of ['diffusion_pytorch_model.safetensors', 'model.safetensors'])
    for (const path of [join(folder, name), join(folder, `${name}.index.json`)])
      if (await isFile(path)) return readSafetensors(path)
  throw new TubeletError(
    'input',
    `${folder}: no model.safetensors or diffusion_pytorch_model.safetensors in this folder`,
  )
}

/** Texts to store beside the arrays, and how float32 arrays are stored. */
export interface WriteOptions {
  readonly metadata?: Readonly<Record<string, string>>
  /** 'F16' and 'BF16' take half the space; default 'F32'. */
  readonly dtype?: FloatType
}

/** Writes arrays as one safetensors file, atomically; equal arrays and metadata give equal bytes. */
export async function writeSafetensors(
  path: string,
  arrays: NamedArrays,
  { metadata, dtype }: WriteOptions = {},
): Promise<void> {
  const stored = new Map(Object.entries(arrays).map(([name, array]) => [name, toStored(array, dtype)]))
  await writeFileAtomic(path, safetensorsChunks(stored, { format: 'pt', ...metadata })) // transformers asks for a format
}

async function readShards(indexPath: string): Promise<Checkpoint> {
  const index = await readJson(indexPath)
  const map = typeof index === 'object' && index !== null && 'weight_map' in index ? index.weight_map : undefined
  if (typeof map !== 'object' || map === null)
    throw new TubeletError('input', `${indexPath}: no 'weight_map' from tensor names to file names`)
  const wanted = new Map<string, string[]>()
  for (const [tensor, file] of Object.entries(map)) {
    if (typeof file !== 'string' || !/^[\w.-]+\.safetensors$/.test(file))
      throw new TubeletError('input', `${indexPath}: '${tensor}' must name a .safetensors file of the same folder`)
    wanted.set(file, [...(wanted.get(file) ?? []), tensor])
  }
  const arrays: NamedArrays = {}
  let metadata: Readonly<Record<string, string>> = {}
  for (const [file, names] of wanted) {
    const shard = await readSafetensors(join(dirname(indexPath), file))
    metadata = { ...metadata, ...shard.metadata }
    for (const name of names) {
      if (!Object.hasOwn(shard.arrays, name))
        throw new TubeletError('input', `${indexPath}: '${name}' should be in ${file} and is not`)
      define(arrays, name, shard.arrays[name])
    }
  }
  return { arrays, metadata }
}

/** A name may be '__proto__': then an assignment would change the object instead of adding to it. */
const define = (arrays: NamedArrays, name: string, value: NamedArrays[string]) =>
  Object.defineProperty(arrays, name, { value, enumerable: true, configurable: true, writable: true })

async function readHeader(file: FileHandle, path: string): Promise<SafetensorsHeader> {
  const { size } = await file.stat()
  const length = headerLength(await readSpan(file, [0, Math.min(8, size)], path), size, path)
  return parseHeader(await readSpan(file, [8, 8 + length], path), size, path)
}

async function readSpan(file: FileHandle, [begin, end]: readonly [number, number], path: string): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - begin)
  const largest = 2 ** 30 // one read system call takes less than 2 GiB
  for (let done = 0; done < bytes.length; ) {
    const count = Math.min(bytes.length - done, largest)
    const { bytesRead } = await file.read(bytes, done, count, begin + done)
    if (bytesRead === 0) throw new TubeletError('input', `${path}: ended while it was read`)
    done += bytesRead
  }
  return bytes
}

async function withFile<T>(path: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  try {
    const file = await open(path)
    try {
      return await use(file)
    } finally {
      await file.close()
    }
  } catch (error) {
    throw fileError(error, 'read', path)
  }
}

const isFile = (path: string) =>
  stat(path).then(
    (s) => s.isFile(),
    () => false,
  )
