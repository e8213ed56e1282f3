import { type Denoise, sample } from '../diffusion/sample.ts'
import type { Scheduler } from '../diffusion/step.ts'
import { TubeletError } from '../errors.ts'
import { stream } from '../random.ts'
import type { Arrays, Program } from '../runtime/runtime.ts'

/** Which samples, and how. */
export interface DrawSamplesOptions {
  readonly scheduler: Scheduler
  readonly seed: number
  readonly count: number // N, a multiple of the program's batch
  /** What the program reads beside x and t for the samples from `first` on, such as their labels. */
  readonly told?: (first: number) => Arrays
  readonly signal?: AbortSignal
}

/**
 * Samples [N, C, ...] of a program of `guidedDenoiser`, batch by batch. Their noise depends on the seed, their place
 * and the size of the batch alone, so that networks and samplers can be compared on the same noise.
 */
export async function drawSamples(program: Program, options: DrawSamplesOptions): Promise<Float32Array> {
  const { scheduler, seed, count, told, signal } = options
  const [batch, ...one] = program.inputs.find(({ name }) => name === 'x')!.shape
  const size = batch * one.reduce((a, b) => a * b, 1)
  if (count % batch !== 0)
    throw new TubeletError('usage', `drawSamples: count must be a multiple of the batch of ${batch} (got ${count})`)
  const out = new Float32Array((count / batch) * size)
  for (let first = 0; first < count; first += batch) {
    const given = told?.(first) ?? {}
    const normal = (purpose: string, step: number) => stream({ seed, purpose, step, sample: first }).normal(size)
    for await (const { x } of sample({
      scheduler,
      denoise: denoiseBy(program, given),
      noise: (step) => normal('step noise', step),
      x: normal('start', 0).map((z) => z * scheduler.initNoiseSigma),
      batch,
      signal,
    }))
      out.set(x, (first / batch) * size)
  }
  return out
}

/** A program as a sampler sees it: all samples of a batch are at one time. */
export function denoiseBy(program: Program, given: Arrays): Denoise {
  const [batch] = program.inputs.find(({ name }) => name === 't')!.shape
  return async (x, t) => (await program.run({ x, t: new Float32Array(batch).fill(t), ...given })).v as Float32Array
}
