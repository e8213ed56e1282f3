import { constant, type Tensor } from '../graph/index.ts'
import { concat, cos, mul, pad, reshape, sin } from '../ops/index.ts'

/**
 * Sinusoids of a diffusion time, as DDPM has them (Ho et al. 2020, appendix B): t [B] → [B, width].
 *
 * The first half are cosines where `cosFirst` is set (DiT, Wan), otherwise sines (DDPM's U-Net). `shift` lowers the
 * count by which the frequencies are spread, 1 in the DDPM code, 0 in DiT.
 */
export function timestepEmbedding(
  t: Tensor,
  width: number,
  { cosFirst = true, shift = 0, period = 10000 } = {},
): Tensor {
  const half = Math.floor(width / 2)
  // Rounded to 32 bits where PyTorch rounds: a last bit of a frequency is 1000 last bits of an angle.
  const f = Math.fround
  const exponent = (i: number) => f(f(f(-Math.log(period)) * i) / (half - shift))
  const frequencies = Float32Array.from({ length: half }, (_, i) => Math.exp(exponent(i)))
  const angles = mul(reshape(t, [t.shape[0], 1]), constant(frequencies, [1, half])) // [B, ⌊width / 2⌋]
  const waves = concat(cosFirst ? [cos(angles), sin(angles)] : [sin(angles), cos(angles)], 1)
  return pad(waves, [0, 0], [0, width - 2 * half]) // an odd width ends with a zero
}
