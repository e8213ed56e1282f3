import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { TubeletError } from '../errors.ts'
import type { NamedArrays } from '../files/arrays.ts'
import { readSafetensors, writeSafetensors } from '../files/checkpoint.ts'
import type { TextEncoder } from './text-states.ts'

/** States of many prompts, computed once and kept on disk under the content of the prompts and the encoder's name. */
export interface TextCache {
  /** Writes the states [L, D] of a prompt at a place of a batch whose other values are zero. */
  read(prompt: string, into: Float32Array): void
}

interface TextCacheOptions {
  readonly encoder: TextEncoder
  readonly hash: string // changes with the encoder's weights
  readonly cacheDir: string
  readonly onProgress?: (done: number, count: number) => void
}

/** Encodes prompts, or opens the file in which they were encoded before. Only states up to the end of a text are kept. */
export async function textCache(
  prompts: Iterable<string>,
  { encoder, hash, cacheDir, onProgress }: TextCacheOptions,
): Promise<TextCache> {
  const list = [...new Set(prompts)].sort((a, b) => (a < b ? -1 : 1))
  const key = createHash('sha256')
    .update(JSON.stringify({ format: 1, hash, list }))
    .digest('hex')
    .slice(0, 32)
  const file = join(cacheDir, `${key}.text.safetensors`)
  const known = storedStates((await readSafetensors(file).catch(() => undefined))?.arrays, list.length, encoder)
  const { lengths, states } = known ?? (await encode(list, encoder, onProgress))
  if (!known) await writeSafetensors(file, { lengths, states })
  const places = new Map<string, { start: number; length: number }>()
  let start = 0
  list.forEach((prompt, i) => {
    places.set(prompt, { start, length: lengths.data[i] * encoder.width })
    start += lengths.data[i] * encoder.width
  })
  return {
    read(prompt, into) {
      const place = places.get(prompt)
      if (!place) throw new TubeletError('usage', `the text cache does not hold the prompt '${prompt}'`)
      into.set(states.data.subarray(place.start, place.start + place.length))
    },
  }
}

interface Stored {
  readonly lengths: { data: Int32Array; shape: readonly number[] }
  readonly states: { data: Float32Array; shape: readonly number[] }
}

/** The arrays of a file, if they are what was written for so many prompts. */
function storedStates(arrays: NamedArrays | undefined, count: number, { width }: TextEncoder): Stored | undefined {
  const { lengths, states } = arrays ?? {}
  if (!(lengths?.data instanceof Int32Array) || !(states?.data instanceof Float32Array)) return undefined
  const total = lengths.data.reduce((a, b) => a + b, 0) * width
  if (lengths.data.length !== count || states.data.length !== total) return undefined
  return { lengths: { ...lengths, data: lengths.data }, states: { ...states, data: states.data } }
}

async function encode(
  list: readonly string[],
  encoder: TextEncoder,
  onProgress?: (done: number, count: number) => void,
): Promise<Stored> {
  const { tokenizer, length, width } = encoder
  const lengths = Int32Array.from(list, (prompt) => tokenizer.encode(prompt, length).indexOf(tokenizer.end) + 1)
  const states = new Float32Array(lengths.reduce((a, b) => a + b, 0) * width)
  let at = 0
  for (const [i, prompt] of list.entries()) {
    const all = await encoder.states(prompt)
    states.set(all.subarray(0, lengths[i] * width), at)
    at += lengths[i] * width
    onProgress?.(i + 1, list.length)
  }
  return {
    lengths: { data: lengths, shape: [list.length] },
    states: { data: states, shape: [states.length / width, width] },
  }
}
