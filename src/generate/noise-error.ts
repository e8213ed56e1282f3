import { type DDPMConfig, diffuse, unmix } from '../diffusion/ddpm.ts'
import { split } from '../diffusion/prediction.ts'
import { alphaBars } from '../diffusion/schedule.ts'
import { TubeletError } from '../errors.ts'
import { stream } from '../random.ts'
import type { Arrays, Program } from '../runtime/runtime.ts'
import { denoiseBy } from './draw-samples.ts'

/** Where the error is measured. */
export interface NoiseErrorOptions {
  readonly config: DDPMConfig
  readonly times: readonly number[] // training steps from 0
  readonly seed: number
  /** What the program reads beside x and t for the pictures from `first` on. */
  readonly told?: (first: number) => Arrays
}

/**
 * Mean squared error of the noise at each of some times, [t, error], over pictures x0 [N, C, ...] that the network may not
 * have seen, by a program of `guidedDenoiser`; whatever the network predicts, its error is told as one of the noise. The
 * noise depends on the seed and the size of the batch alone, so that networks are compared on the same. Pictures that fill
 * no batch are left out; fewer than one batch are a TubeletError('usage').
 */
export async function noiseError(
  program: Program,
  x0: Float32Array,
  { config, times, seed, told }: NoiseErrorOptions,
): Promise<[t: number, error: number][]> {
  const bars = alphaBars(config)
  const [batch, ...one] = program.inputs.find(({ name }) => name === 'x')!.shape
  const size = batch * one.reduce((a, b) => a * b, 1)
  const batches = Math.floor(x0.length / size)
  if (batches === 0)
    throw new TubeletError('usage', `noiseError: x0 must hold a batch of [${[batch, ...one].join(', ')}] or more`)
  const errors: [number, number][] = []
  for (const t of times) {
    let sum = 0
    for (let k = 0; k < batches; k++) {
      const eps = stream({ seed, purpose: 'noise to measure', step: t, sample: k }).normal(size)
      const xt = diffuse(x0.subarray(k * size, (k + 1) * size), eps, [bars[t]])
      const prediction = await denoiseBy(program, told?.(k * batch) ?? {})(xt, t)
      const mean = prediction.length === 2 * size ? unmix(prediction, xt, batch).mean : prediction
      const guess = split(mean, xt, { alphaBar: bars[t], batch, config: { ...config, clip_sample: false } }).eps
      for (let i = 0; i < size; i++) sum += (guess[i] - eps[i]) ** 2
    }
    errors.push([t, sum / (batches * size)])
  }
  return errors
}
