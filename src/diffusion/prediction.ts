import { z } from 'zod'
import { TubeletError } from '../errors.ts'

/** What the network predicts and how x0 is kept in range, under the names of diffusers' files. */
export const predictionConfig = z.object({
  /** Noise ε (Ho et al. 2020), x0, or the velocity v = √ᾱ ε - √(1 - ᾱ) x0 (Salimans & Ho 2022). */
  prediction_type: z.enum(['epsilon', 'sample', 'v_prediction']).default('epsilon'),
  clip_sample: z.boolean().default(true),
  clip_sample_range: z.number().positive().default(1),
  /** Dynamic thresholding (Saharia et al. 2022, section 2.3) instead of clipping. */
  thresholding: z.boolean().default(false),
  dynamic_thresholding_ratio: z.number().min(0).max(1).default(0.995),
  sample_max_value: z.number().min(1).default(1),
})
export type PredictionConfig = z.infer<typeof predictionConfig>

/** Where on the way from data to noise: ᾱ, the batch, and the settings of the scheduler. */
export interface PredictionFrame {
  readonly alphaBar: number
  readonly batch: number
  readonly config: PredictionConfig
}

/** x0 and ε behind a prediction for xt (Ho et al. 2020, equation 15); x0 is clipped where the config says so. */
export function split(
  prediction: Float32Array,
  x: Float32Array,
  { alphaBar, batch, config }: PredictionFrame,
): { x0: Float32Array; eps: Float32Array } {
  checkSize(prediction, x)
  const [a, s] = [Math.sqrt(alphaBar), Math.sqrt(1 - alphaBar)] // xt = a x0 + s ε
  const x0 = new Float32Array(x.length)
  const eps = new Float32Array(x.length)
  if (config.prediction_type === 'epsilon')
    for (let i = 0; i < x.length; i++) {
      x0[i] = (x[i] - s * prediction[i]) / a
      eps[i] = prediction[i]
    }
  else if (config.prediction_type === 'sample')
    for (let i = 0; i < x.length; i++) {
      x0[i] = prediction[i]
      eps[i] = (x[i] - a * prediction[i]) / s
    }
  else
    for (let i = 0; i < x.length; i++) {
      x0[i] = a * x[i] - s * prediction[i]
      eps[i] = a * prediction[i] + s * x[i]
    }
  if (config.thresholding) threshold(x0, batch, config)
  else if (config.clip_sample) clip(x0, config.clip_sample_range)
  return { x0, eps }
}

/** Refuses a prediction that does not hold a number for each of x. */
export function checkSize({ length }: Float32Array, x: Float32Array): void {
  if (length !== x.length)
    throw new TubeletError(
      'input',
      `scheduler: the prediction must be as large as x (got ${length} numbers for ${x.length})`,
    )
}

/** Refuses settings under which the first step would divide by ᾱ = 0. */
export function checkTerminal(alphaBar: number, { prediction_type: kind }: PredictionConfig): void {
  if (alphaBar < 1e-12 && kind === 'epsilon')
    throw new TubeletError(
      'input',
      'scheduler: pure noise at the last time step (rescale_betas_zero_snr) needs prediction_type v_prediction or sample',
    )
}

function clip(x: Float32Array, range: number): void {
  for (let i = 0; i < x.length; i++) x[i] = Math.min(range, Math.max(-range, x[i]))
}

/** Each sample of the batch is clipped to its quantile of |x| and divided by it, where that exceeds 1. */
function threshold(
  x: Float32Array,
  batch: number,
  { dynamic_thresholding_ratio: ratio, sample_max_value: max }: PredictionConfig,
) {
  const count = x.length / batch
  for (let b = 0; b < batch; b++) {
    const sample = x.subarray(b * count, (b + 1) * count)
    const sorted = sample.map(Math.abs).sort()
    const place = ratio * (count - 1)
    const [low, high] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]]
    const limit = Math.min(max, Math.max(1, low + (high - low) * (place - Math.floor(place))))
    clip(sample, limit)
    for (let i = 0; i < count; i++) sample[i] /= limit
  }
}
