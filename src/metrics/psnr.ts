import { TubeletError } from '../errors.ts'

/** Mean squared difference of two pictures or clips of one size, values 0 to 255. */
export function squaredError(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length || a.length === 0)
    throw new TubeletError('usage', `psnr: both pictures must have one size (got ${a.length} and ${b.length} values)`)
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2
  return sum / a.length
}

/** Peak signal-to-noise ratio in dB of a mean squared error, where the peak is 255; infinite for none. */
export const psnr = (error: number): number => 10 * Math.log10(255 ** 2 / error)
