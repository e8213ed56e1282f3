import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { TubeletError } from '../errors.ts'
import { writeFileAtomic } from '../files/disk.ts'
import type { TextEncoder } from './text-states.ts'

/**
 * States of many prompts, computed once and kept on disk under the content of the prompts and the encoder's name. They
 * are read when they are asked for: those of some thousand drawings are more than memory should hold.
 */
export interface TextCache {
  /** Writes the states [L, D] of a prompt at a place of a batch whose other values are zero. */
  read(prompt: string, into: Float32Array): void
  close(): void
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
    .update(JSON.stringify({ format: 2, hash, list }))
    .digest('hex')
    .slice(0, 32)
  const file = join(cacheDir, `${key}.text`)
  const { tokenizer, length, width } = encoder
  const floats = list.map((prompt) => (tokenizer.encode(prompt, length).indexOf(tokenizer.end) + 1) * width)
  const size = 4 * floats.reduce((a, b) => a + b, 0)
  async function* states() {
    for (const [i, prompt] of list.entries()) {
      const all = await encoder.states(prompt)
      yield new Uint8Array(all.buffer, all.byteOffset, 4 * floats[i])
      onProgress?.(i + 1, list.length)
    }
  }
  if (statSync(file, { throwIfNoEntry: false })?.size !== size) await writeFileAtomic(file, states())
  const places = new Map<string, { start: number; count: number }>()
  let start = 0
  for (const [i, prompt] of list.entries()) {
    places.set(prompt, { start, count: floats[i] })
    start += 4 * floats[i]
  }
  const opened = openSync(file, 'r')
  return {
    read(prompt, into) {
      const place = places.get(prompt)
      if (!place) throw new TubeletError('usage', `the text cache does not hold the prompt '${prompt}'`)
      if (readSync(opened, into, 0, 4 * place.count, place.start) !== 4 * place.count)
        throw new TubeletError('input', `${file}: ends within a prompt; remove it`)
    },
    close: () => closeSync(opened),
  }
}
