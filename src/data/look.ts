import type { RandomStream } from '../random.ts'
import { composited } from './caption-batch.ts'

/**
 * A drawing as a classifier sees it in training: 0.8 to 1.2 times its size, moved by up to a tenth of the side, on a plain
 * light background. Straight RGBA [S, S, 4] → planes [3, S, S] in [−1, 1].
 */
export function lookAt(from: Uint8Array, { side, random }: { side: number; random: RandomStream }, out: Float32Array) {
  const [scale, dx, dy] = random.uniform(3)
  const reach = (3 / 16) * side
  const [zoom, left, top] = [0.8 + 0.4 * scale, reach * (dx - 0.5), reach * (dy - 0.5)]
  const bytes = new Uint8Array(side * side * 4)
  const back = (at: number, shift: number) => Math.round((at - side / 2 - shift) / zoom + side / 2)
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) {
      const [u, v] = [back(x, left), back(y, top)]
      if (u < 0 || v < 0 || u >= side || v >= side) continue
      for (let c = 0; c < 4; c++) bytes[4 * (y * side + x) + c] = from[4 * (v * side + u) + c]
    }
  composited(bytes, lightBackground(random), out)
}

/** A plain colour, not dark: most drawings have dark lines. */
export const lightBackground = (random: RandomStream): number[] => Array.from(random.uniform(3), (u) => 155 + 100 * u)
