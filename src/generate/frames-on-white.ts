import { composited } from '../data/caption-batch.ts'
import { padToSquare, resizeClip } from '../data/resize.ts'
import { type Clip, frameOf } from '../files/clip.ts'

/** Chosen frames of a clip as a network looks at them, whole, in the middle of a square: planes [K, 3, S, S] on white in [−1, 1]. */
export function framesOnWhite(clip: Clip, chosen: readonly number[], size: number): Float32Array {
  const { width, height } = clip
  const pixels = new Float32Array(chosen.length * 3 * size * size)
  for (const [k, index] of chosen.entries()) {
    const frame = padToSquare({ frames: frameOf(clip, index), count: 1, width, height, fps: 0 })
    const small = resizeClip(frame, size, size)
    composited(small.frames, [255, 255, 255], pixels.subarray(k * 3 * size * size, (k + 1) * 3 * size * size))
  }
  return pixels
}
