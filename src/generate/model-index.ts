import { z } from 'zod'
import { TubeletError } from '../errors.ts'
import { spaceStride, timeStride } from '../models/video-vae.ts'
import { tooLarge } from './clip-size.ts'

const schema = z.looseObject({
  size: z
    .int()
    .min(spaceStride)
    .refine((size) => size % spaceStride === 0, `must be a multiple of ${spaceStride}`)
    .default(128),
  frames: z
    .int()
    .min(1)
    .refine((frames) => frames % timeStride === 1, 'must be odd')
    .default(17),
  fps: z.number().min(0.1).max(1000).default(12),
  known_words: z.array(z.string()).optional(),
})

/** What the `model_index.json` of a text-to-video folder says beside its parts. */
export interface ModelIndex {
  readonly size?: number // H and W of a clip, in pixels; 128
  readonly frames?: number // odd; 17
  readonly fps?: number // 12
  readonly known_words?: readonly string[] // what the captions of the training taught
}

/** Checks the contents of a `model_index.json` and fills in what it leaves out; `where` names the file in errors. */
export function modelIndex(json: unknown, where = 'model_index.json') {
  const { data, error } = schema.safeParse(json)
  if (error) {
    const [{ path, message }] = error.issues
    throw new TubeletError('input', `${where}: ${path.join('.') || 'the file'}: ${message}`)
  }
  const { size, frames } = data
  const problem = tooLarge({ width: size, height: size, frames })
  if (problem) throw new TubeletError('input', `${where}: ${problem}`)
  return data
}
