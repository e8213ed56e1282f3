import type { Loop } from './motion.ts'
import { ranksBy } from './retrieval.ts'

/** Small pictures of the frames of a loop: [T][side · side · 3]. */
export type Thumbnails = readonly Float32Array[]

/** Side of a small picture in pixels: what can be told apart by shape and colour, not by sharpness. */
const side = 16

/** Every frame, square and of three channels, as the mean colours of 16 × 16 cells (of its own pixels where it is smaller). */
export function thumbnails({ count, bytes }: Loop): Thumbnails {
  const frame = bytes.length / count
  const size = Math.sqrt(frame / 3)
  const cells = Math.min(side, size)
  const cellOf = Uint8Array.from({ length: size }, (_, i) => Math.floor((i * cells) / size))
  const pixels = new Float32Array(cells)
  for (const cell of cellOf) pixels[cell]++
  return Array.from({ length: count }, (_, t) => {
    const out = new Float32Array(cells * cells * 3)
    for (let y = 0; y < size; y++)
      for (let x = 0; x < size; x++) {
        const to = 3 * (cellOf[y] * cells + cellOf[x])
        const from = t * frame + 3 * (y * size + x)
        const share = 1 / (pixels[cellOf[y]] * pixels[cellOf[x]])
        for (let c = 0; c < 3; c++) out[to + c] += bytes[from + c] * share
      }
    return out
  })
}

/**
 * For each clip, how many real clips look at least as much like it as its own, `real[own[i]]`: four frames, evenly over
 * the loop, are each compared with the real frame that is nearest, so that phase and speed do not matter. A recogniser
 * that needs no training: it can be wrong about what people find alike, but not in favour of the model that it judges.
 */
export function likenessRanks(clips: readonly Thumbnails[], real: readonly Thumbnails[], own: ArrayLike<number>) {
  const looked = clips.map((frames) => [0, 1, 2, 3].map((k) => frames[Math.floor((k * frames.length) / 4)]))
  return ranksBy(own, real.length, (i, j) => -looked[i].reduce((sum, frame) => sum + nearest(frame, real[j]), 0))
}

/** Squared distance of a picture from the nearest of some. */
function nearest(picture: Float32Array, frames: Thumbnails): number {
  let least = Number.POSITIVE_INFINITY
  for (const frame of frames) {
    let sum = 0
    for (let i = 0; i < picture.length && sum < least; i++) sum += (picture[i] - frame[i]) ** 2
    if (sum < least) least = sum
  }
  return least
}
