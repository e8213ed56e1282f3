import { stream } from '../random.ts'
import { epochOrder } from './clip-batch.ts'

/** Pictures in memory with what is known of each. */
export interface LabelledPictures {
  readonly count: number // N
  readonly shape: readonly [channels: number, height: number, width: number]
  readonly pixels: Float32Array // [N, C, H, W] in [−1, 1], or latents
  readonly labels: Readonly<Record<string, Int32Array>> // [N] each
}

/** What one step of diffusion learns from; see `ddpmLoss`. */
export interface NoisyBatch {
  readonly x0: Float32Array // [B, C, H, W]
  readonly eps: Float32Array // like x0, standard normal
  readonly t: Int32Array // [B], training steps from 0
  readonly chosen: Int32Array // [B], which pictures
}

/** How batches are drawn. */
export interface NoisyBatchOptions {
  readonly batch: number // B
  readonly seed: number
  readonly times: number // T; each t is equally likely
}

/** The batch of a step, a pure function of seed and step: pictures in a new order in each epoch, noise and times. */
export function noisyBatches(set: Pick<LabelledPictures, 'count' | 'shape' | 'pixels'>, options: NoisyBatchOptions) {
  const { batch, seed, times } = options
  const order = epochOrder(set.count, batch, { seed, purpose: 'pictures' })
  return (step: number): NoisyBatch => {
    const chosen = Int32Array.from(order(step))
    const x0 = rowsOf(set, chosen)
    const random = stream({ seed, purpose: 'time', step })
    return {
      x0,
      eps: stream({ seed, purpose: 'noise', step }).normal(x0.length),
      t: Int32Array.from(chosen, () => random.integer(times)),
      chosen,
    }
  }
}

/** The pixels of some pictures, [n, C, H, W]. */
export function rowsOf({ shape, pixels }: Pick<LabelledPictures, 'shape' | 'pixels'>, indices: ArrayLike<number>) {
  const size = shape[0] * shape[1] * shape[2]
  const out = new Float32Array(indices.length * size)
  for (let n = 0; n < indices.length; n++)
    out.set(pixels.subarray(indices[n] * size, (indices[n] + 1) * size), n * size)
  return out
}
