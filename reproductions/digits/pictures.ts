import { digitSide, mnist } from 'tubelet/node'

/** Side of a picture: the digit with two pixels of paper around it, at half its size, so that it can be halved again. */
export const side = 16
export const area = side * side

/** Digits of one split. */
export interface DigitPictures {
  readonly count: number
  readonly pixels: Float32Array // [N, 1, 16, 16], −1 is paper and 1 ink
  readonly labels: Uint8Array // [N]
}

/** All digits of a split, in an order of their own: classes take turns. */
export async function digitPictures(split: 'train' | 'held-out', signal?: AbortSignal): Promise<DigitPictures> {
  const { count, images, labels } = await mnist({ split, signal })
  const seen = new Array<number>(10).fill(0)
  const turns = Array.from(labels, (label, i) => ({ i, turn: seen[label]++ })).sort((a, b) => a.turn - b.turn)
  const pixels = new Float32Array(count * area).fill(-1)
  const margin = side - digitSide / 2
  for (const [n, { i }] of turns.entries())
    for (let row = 0; row < digitSide; row++)
      for (let column = 0; column < digitSide; column++)
        pixels[n * area + ((row + margin) >> 1) * side + ((column + margin) >> 1)] +=
          images[(i * digitSide + row) * digitSide + column] / 510
  return { count, pixels, labels: Uint8Array.from(turns, ({ i }) => labels[i]) }
}

/** Rows of N pictures, latents or features, one after another. */
export function rowsOf(array: Float32Array, indices: ArrayLike<number>, width: number): Float32Array {
  const out = new Float32Array(indices.length * width)
  for (let n = 0; n < indices.length; n++)
    out.set(array.subarray(indices[n] * width, (indices[n] + 1) * width), n * width)
  return out
}

/** Arrays one after another. */
export function joined(parts: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(parts.reduce((total, { length }) => total + length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}
