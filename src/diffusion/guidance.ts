import { TubeletError } from '../errors.ts'

/**
 * Classifier-free guidance: away from what the network says without the prompt, or of a negative one, towards what it
 * says with it: u + s (c - u). The scale s is 1 + w of Ho & Salimans 2022, equation 6; 1 is no guidance.
 */
export function guide(conditional: Float32Array, unconditional: Float32Array, scale: number): Float32Array {
  if (conditional.length !== unconditional.length)
    throw new TubeletError(
      'usage',
      `guide: both predictions must have one size (got ${conditional.length} and ${unconditional.length})`,
    )
  return conditional.map((c, i) => unconditional[i] + scale * (c - unconditional[i]))
}
