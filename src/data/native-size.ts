import type { RandomStream } from '../random.ts'

/** How the sides of pictures are drawn (Dehghani et al. 2023, section 2.2). */
export interface SideOptions {
  readonly least: number // pixels, of the square root of the area
  readonly most: number
  /** Every side alike, or small ones more often: normal numbers around −½ cut to [−1, 1], as in the paper; 'uniform'. */
  readonly spread?: 'uniform' | 'small'
}

/** The side √(height · width) at which a picture is seen. */
export function drawSide(random: RandomStream, { least, most, spread = 'uniform' }: SideOptions): number {
  if (spread === 'uniform') return least + (most - least) * random.uniform(1)[0]
  let z = 2
  while (Math.abs(z) > 1) z = random.normal(1)[0] - 0.5
  return least + ((most - least) * (z + 1)) / 2
}

/** The size with the area side² that keeps the aspect, in whole patches of P pixels. */
export function sizeAt(
  { height, width }: { height: number; width: number },
  { side, patchSize }: { side: number; patchSize: number },
): { height: number; width: number } {
  const scale = side / Math.sqrt(height * width)
  const whole = (pixels: number) => Math.max(1, Math.round((pixels * scale) / patchSize)) * patchSize
  return { height: whole(height), width: whole(width) }
}

/**
 * Which part of the tokens of a picture is left out (section 2.2): the same for all, or drawn for each from a Beta
 * distribution, most · Beta(a, b) with whole a and b.
 */
export type DropRate = number | { readonly most: number; readonly a: number; readonly b: number }

/** The rate of one picture. The a-th smallest of a + b − 1 uniform numbers is Beta(a, b). */
export function drawRate(random: RandomStream, rate: DropRate): number {
  if (typeof rate === 'number') return rate
  return rate.most * random.uniform(rate.a + rate.b - 1).sort()[rate.a - 1]
}

/** The tokens that stay, in order; at least one. */
export function keptTokens(tokens: number, rate: number, random: RandomStream): Uint32Array {
  const kept = Math.max(1, Math.round(tokens * (1 - rate)))
  return kept === tokens
    ? Uint32Array.from({ length: tokens }, (_, i) => i)
    : random.permutation(tokens).slice(0, kept).sort()
}
