import { type LabelledPictures, rowsOf as picturesOf } from 'tubelet'
import { digitPictures, mnist } from 'tubelet/node'

/** Side of a picture: digits at about half their size, so that they can be halved again. */
export const side = 16
export const area = side * side

/** Digits of one split, [N, 1, 16, 16]: −1 is paper and 1 ink. */
export type DigitPictures = LabelledPictures

/** All digits of a split, in an order of their own: classes take turns. */
export async function digitsOf(split: 'train' | 'held-out', signal?: AbortSignal): Promise<DigitPictures> {
  const pictures = digitPictures(await mnist({ split, signal }), side)
  const seen = new Array<number>(10).fill(0)
  const turns = Array.from(pictures.labels.digit, (digit, i) => ({ i, digit, turn: seen[digit]++ }))
  turns.sort((a, b) => a.turn - b.turn)
  return {
    ...pictures,
    pixels: picturesOf(
      pictures,
      turns.map(({ i }) => i),
    ),
    labels: { digit: Int32Array.from(turns, ({ digit }) => digit) },
  }
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
