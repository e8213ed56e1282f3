import { TubeletError } from '../errors.ts'
import { stream } from '../random.ts'

/** A loop of frames without transparency: `bytes` holds T frames of equal size, one after another, values 0 to 255. */
export interface Loop {
  readonly count: number // T
  readonly bytes: Uint8Array
}

/** How much each frame differs from the next one, the last from the first: mean |difference| as a part of full range, [T]. */
export function frameChanges({ count, bytes }: Loop): Float64Array {
  const size = bytes.length / count
  return Float64Array.from({ length: count }, (_, t) => {
    const [from, to] = [t * size, ((t + 1) % count) * size]
    let sum = 0
    for (let i = 0; i < size; i++) sum += Math.abs(bytes[to + i] - bytes[from + i])
    return sum / size / 255
  })
}

/** Mean change between neighbouring frames, the step from the last to the first left out; 0 for a still. */
export function amplitude(changes: Float64Array): number {
  const inner = changes.subarray(0, -1)
  return inner.length === 0 ? 0 : inner.reduce((a, b) => a + b) / inner.length
}

/** Mean squared differences of every frame of a loop from every frame of another of the same size: [T drawn, T real]. */
export function frameDistances(drawn: Loop, real: Loop): Float64Array {
  const T = drawn.count
  if (real.count !== T || real.bytes.length !== drawn.bytes.length)
    throw new TubeletError(
      'usage',
      `motion: both loops must have as many frames of one size (got ${T} and ${real.count} frames, ${drawn.bytes.length} and ${real.bytes.length} bytes)`,
    )
  const size = drawn.bytes.length / T
  return Float64Array.from({ length: T * T }, (_, at) => {
    const [from, to] = [Math.floor(at / T) * size, (at % T) * size]
    let sum = 0
    for (let i = 0; i < size; i++) sum += (drawn.bytes[from + i] - real.bytes[to + i]) ** 2
    return sum / size
  })
}

/** In how many frames of a loop the nearest real frame is the right one, as a part of all frames. */
export interface RightFrames {
  readonly inPhase: number // frame t against the real frame t
  readonly best: number // at the circular shift of the whole loop that fits best
  readonly shift: number // that shift: frame t shows what the real frame t + shift does
}

/**
 * Tells by the distances [T, T] of the drawn from the real frames whether a loop moves as the real one does: the right
 * real frame must be the nearest, or as near. A loop that moves at random is right in 1 / T of the frames in phase; see
 * `chanceOfRight`.
 */
export function rightFrames(distances: Float64Array, T: number): RightFrames {
  const counts = new Uint32Array(T)
  for (let t = 0; t < T; t++) {
    const row = distances.subarray(t * T, (t + 1) * T)
    const nearest = Math.min(...row)
    for (let s = 0; s < T; s++) if (row[(t + s) % T] === nearest) counts[s]++
  }
  const shift = counts.reduce((best, count, s) => (count > counts[best] ? s : best), 0)
  return { inPhase: counts[0] / T, best: counts[shift] / T, shift }
}

/**
 * The part of right frames of a loop whose frames are picked blindly among the real ones, from 500 such loops, by the
 * distances [T, T] of the real frames from each other. More than that of T different frames where the real loop pauses.
 */
export function chanceOfRight(among: Float64Array, T: number): Omit<RightFrames, 'shift'> {
  const picked = new Float64Array(T * T)
  const sum = { inPhase: 0, best: 0 }
  for (let sample = 0; sample < 500; sample++) {
    const random = stream({ seed: 0, purpose: 'chance', sample })
    for (let t = 0; t < T; t++) {
      const from = random.integer(T) * T
      picked.set(among.subarray(from, from + T), t * T)
    }
    const { inPhase, best } = rightFrames(picked, T)
    sum.inPhase += inPhase / 500
    sum.best += best / 500
  }
  return sum
}
