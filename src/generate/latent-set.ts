import { join } from 'node:path'
import { type PromptedDrawings, type PromptedDrawingsOptions, promptedDrawings } from '../data/prompted-drawings.ts'
import { logitNormalTimes } from '../diffusion/flow.ts'
import { dataOf } from '../files/arrays.ts'
import { cacheFolder } from '../files/packages.ts'
import { type LatentStatistics, videoVaeConfig } from '../models/video-vae.ts'
import { type RandomStream, stream } from '../random.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { LatentCache } from './latent-cache.ts'
import { encodeLatents, encoderHash, videoLatents } from './latents.ts'
import { readPart } from './model-folder.ts'

/** Latents of all clips or stills of a data set and of changed copies, and prompts that ask for each. */
export interface LatentSet
  extends Pick<PromptedDrawings, 'originals' | 'labels' | 'prompts' | 'words' | 'size' | 'frames' | 'fps' | 'key'> {
  readonly latents: LatentCache // drawings as they are come first
  readonly statistics: LatentStatistics
}

/** What to make a set of. */
export interface LatentSetOptions extends PromptedDrawingsOptions {
  readonly model: string // folder whose autoencoder encodes
  readonly runtime: Runtime
  readonly onProgress?: (done: number, count: number) => void
}

/** Encodes the training part of a data set, or opens what was encoded before. */
export async function latentSet(data: string, options: LatentSetOptions): Promise<LatentSet> {
  const { model, runtime, onProgress } = options
  const drawings = await promptedDrawings(data, options)
  const { config: json, arrays } = await readPart(model, 'vae', 'VideoVae')
  const { config, latents: statistics } = videoVaeConfig(json)
  const weights = dataOf(arrays)
  const store = { hash: encoderHash(config, weights), cacheDir: join(cacheFolder(), 'latents') }
  const network = videoLatents(config)
  const latents = await encodeLatents(drawings, { runtime, network, weights, ...store, onProgress })
  drawings.close()
  const { originals, labels, prompts, words, size, frames, fps, key } = drawings
  return { latents, originals, labels, prompts, words, statistics, size, frames, fps, key }
}

/** How a batch is drawn from a set. */
export interface LatentBatchOptions {
  readonly name: string // of the batch's draws, and before the names of its arrays
  readonly count: number // B
  readonly frames: readonly number[] // which latent frames of each sample
  readonly changed: number // part of the samples that are changed copies
  readonly dropout: number // part of the samples whose prompt is left out, for guidance (Ho & Salimans 2022)
  readonly shift: number // of times towards noise
  readonly given?: number // part of the samples that have some frames given; 0
  readonly seed: number
  readonly step: number
  /** States of a prompt, written into an array of `size` numbers. */
  readonly text: { readonly size: number; readonly read: (prompt: string, into: Float32Array) => void }
}

/**
 * Normalised latents x0 [B, C, T', H, W], noise eps of the same shape, times t [B], text states and what motion counts
 * [B] of one step, a pure function of seed and step. With `given` the times are those of frames, t [B, T'], 0 for those
 * that are given.
 */
export function latentBatch(set: LatentSet, options: LatentBatchOptions): Record<string, Float32Array> {
  const { name, count, frames, changed, dropout, shift, given, seed, step, text } = options
  const [channels, , ...sides] = set.latents.shape
  const size = channels * frames.length * sides.reduce((a, b) => a * b)
  const x0 = new Float32Array(count * size)
  const states = new Float32Array(count * text.size)
  const motion = new Float32Array(count)
  const named = (purpose: string) => stream({ seed, purpose: `${name} ${purpose}`, step })
  const random = named('choice')
  const times = logitNormalTimes(named('time').normal(count), { shift })
  for (let b = 0; b < count; b++) {
    const i = choose(set, changed, random)
    const z = set.latents.latents(i)
    normalise(z, set, frames, x0.subarray(b * size, (b + 1) * size))
    motion[b] = motionWeight(z, set)
    const prompt = set.prompts[i][random.integer(set.prompts[i].length)]
    text.read(random.uniform(1)[0] < dropout ? '' : prompt, states.subarray(b * text.size, (b + 1) * text.size))
  }
  return {
    [`${name}.x0`]: x0,
    [`${name}.eps`]: named('noise').normal(count * size),
    [`${name}.t`]: given === undefined ? times : timesOfFrames(times, frames.length, given, named('given')),
    [`${name}.text`]: states,
    [`${name}.motion`]: motion,
  }
}

/** Times [B] for each frame [B, T']; in a part of the samples some frames are given, so at time 0, and never all. */
function timesOfFrames(times: Float32Array, length: number, given: number, random: RandomStream): Float32Array {
  const out = new Float32Array(times.length * length)
  times.forEach((t, b) => {
    const own = out.subarray(b * length, (b + 1) * length).fill(t)
    const [some, kind] = random.uniform(2)
    if (length === 1 || some >= given) return
    const many = 1 + random.integer(length - 1)
    if (kind < 0.4)
      own.fill(0, 0, kind < 0.2 ? 1 : many) // a picture, or a clip to be continued
    else if (kind < 0.6)
      own.fill(0, length - many) // what came before
    else if (kind < 0.8 && length > 2)
      own[0] = own[length - 1] = 0 // what is between
    else for (const frame of random.permutation(length).subarray(0, many)) own[frame] = 0
  })
  return out
}

const choose = ({ originals, latents }: LatentSet, changed: number, random: RandomStream): number =>
  latents.count === originals || random.uniform(1)[0] >= changed
    ? random.integer(originals)
    : originals + random.integer(latents.count - originals)

/** Some frames of a drawing, each channel brought to mean 0 and deviation 1: [C, T', H, W]. */
export function normalised(set: LatentSet, index: number, frames: readonly number[]): Float32Array {
  const [channels, , ...sides] = set.latents.shape
  const out = new Float32Array(channels * frames.length * sides.reduce((a, b) => a * b))
  normalise(set.latents.latents(index), set, frames, out)
  return out
}

function normalise(z: Float32Array, { latents, statistics }: LatentSet, frames: readonly number[], out: Float32Array) {
  const [channels, T, height, width] = latents.shape
  const plane = height * width
  let to = 0
  for (let c = 0; c < channels; c++)
    for (const t of frames)
      for (let j = 0, from = (c * T + t) * plane; j < plane; j++)
        out[to++] = (z[from + j] - statistics.mean[c]) / statistics.std[c]
}

/** How many times the motion of a clip counts, so that little motion is learnt as well as much: 1 to 10. */
function motionWeight(z: Float32Array, { latents, statistics }: LatentSet): number {
  const [channels, T, height, width] = latents.shape
  const plane = height * width
  let moving = 0
  for (let c = 0; c < channels; c++)
    for (let j = 0; j < plane; j++) {
      let mean = 0
      for (let t = 0; t < T; t++) mean += z[(c * T + t) * plane + j] / T
      for (let t = 0; t < T; t++) moving += (z[(c * T + t) * plane + j] - mean) ** 2
    }
  const all = statistics.std.reduce((sum, std) => sum + std ** 2, 0) * T * plane
  return Math.min(10, Math.max(1, (0.3 * all) / moving))
}
