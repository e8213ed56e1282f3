import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { TubeletError } from '../errors.ts'
import { writeFileAtomic } from '../files/disk.ts'
import type { Shape } from '../graph/index.ts'

/** Latents of many clips, computed once and kept on disk. */
export interface LatentCache {
  readonly count: number
  readonly shape: Shape // [C, T', H, W], or [C, H, W] of pictures
  latents(index: number): Float32Array
  close(): void
}

/** Which latents a file holds. */
export interface LatentFile {
  readonly identity: object // changes with what they are computed from
  readonly count: number
  readonly shape: Shape
  readonly cacheDir: string
}

/** Opens the file of some latents; where there is none, `compute` gives the bytes of one clip after the other. */
export async function latentCache(
  { identity, count, shape, cacheDir }: LatentFile,
  compute: () => AsyncIterable<Uint8Array>,
): Promise<LatentCache> {
  const floats = shape.reduce((a, b) => a * b)
  const name = createHash('sha256').update(JSON.stringify({ format: 1, ...identity }))
  const file = join(cacheDir, `${name.digest('hex').slice(0, 32)}.latents`)
  const known = statSync(file, { throwIfNoEntry: false })
  if (known?.size !== count * floats * 4) await writeFileAtomic(file, compute())
  const opened = openSync(file, 'r')
  return {
    count,
    shape,
    latents(index) {
      if (!Number.isInteger(index) || index < 0 || index >= count)
        throw new TubeletError('usage', `latents: the index must be from 0 to ${count - 1} (got ${index})`)
      const z = new Float32Array(floats)
      if (readSync(opened, z, 0, floats * 4, index * floats * 4) !== floats * 4)
        throw new TubeletError('input', `${file}: ends within clip ${index}; remove it`)
      return z
    },
    close: () => closeSync(opened),
  }
}
