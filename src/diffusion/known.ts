import { TubeletError } from '../errors.ts'
import { interpolate } from './flow.ts'
import type { Scheduler } from './step.ts'

/** What of a sample [C, T, H, W] is known while the rest is drawn along a rectified flow. */
export interface Known {
  readonly x0: Float32Array
  readonly plane: number // H · W
  /** Frames [T] that are given: they are data from the start, and the network is told time 0 for them. */
  readonly given: readonly boolean[]
  /** Part [H, W] of each place that is drawn, 0 to 1; the rest follows the straight line to x0. All where absent. */
  readonly drawn?: Float32Array
  /** Noise that the drawing begins with, above 0 and at most 1 (Meng et al. 2022, SDEdit, section 3). */
  readonly strength?: number
}

/** How a sampler goes around what is known. */
export interface Path {
  /** The first x, and the sampler and its first step from there. */
  readonly x: Float32Array
  readonly scheduler: Scheduler
  readonly from: number
  /** Times [T] of the frames, where that of the others is t. */
  times(t: number): Float32Array
  /** The velocity for all of x: what the network said, and along the line where x is known. */
  velocity(predicted: Float32Array): Float32Array
}

/**
 * The path of a flow's sampler from normal noise eps [C, T, H, W], with what is known held in place; it begins at the
 * strength itself, which takes the place of the noise level above. Throws TubeletError('input') where the sampler would
 * not keep what is known.
 */
export function pathAround(known: Known, eps: Float32Array, scheduler: Scheduler): Path {
  const { x0, plane, given, drawn, strength = 1 } = known
  const { sigmas, along } = scheduler
  if (!sigmas || !along) throw new TubeletError('usage', 'known: the scheduler must be one of a flow')
  if (scheduler.drawsNoise(0) || sigmas.some((sigma, i) => sigma > sigmas[i - 1]))
    throw new TubeletError(
      'input',
      'a scheduler with stochastic_sampling or invert_sigmas cannot draw from a picture or clip',
    )
  const first = Math.fround(strength)
  const from = Math.max(0, sigmas.findIndex((sigma) => sigma < first) - 1)
  const isGiven = (i: number) => given[Math.floor(i / plane) % given.length]
  const x = interpolate(x0, eps, [first]).map((value, i) => (isGiven(i) ? x0[i] : value))
  return {
    x,
    scheduler: along(sigmas.with(from, first)),
    from,
    times: (t) => Float32Array.from(given, (one) => (one ? 0 : t)),
    velocity: (predicted) =>
      predicted.map((v, i) => {
        if (isGiven(i)) return 0
        const part = drawn ? drawn[i % plane] : 1
        return part * v + (1 - part) * (eps[i] - x0[i])
      }),
  }
}
