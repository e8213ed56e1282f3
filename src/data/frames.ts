import { TubeletError } from '../errors.ts'
import { blankFrames, type Clip, frameOf } from '../files/clip.ts'

/**
 * Which source frames stand for `count` moments evenly over a loop: moment k is k/count of the loop's duration, and the
 * frame is the one shown half a mean delay (in ms) later. With equal delays that is round(k·F/count) mod F. Moment
 * `count` would be frame 0 again, so the picked frames close the loop, and every clip keeps its own phase: it starts at
 * frame 0.
 */
export function pickFrames(delays: number[], count: number): number[] {
  if (!Number.isInteger(count) || count < 1) {
    throw new TubeletError('usage', `pickFrames: the number of frames must be a whole number above 0 (got ${count})`)
  }
  const duration = delays.reduce((sum, delay) => sum + delay, 0)
  if (!(duration > 0)) throw new TubeletError('input', 'pickFrames: the delays must have a sum above 0')
  // Times 2·F·count, so that whole milliseconds stay whole numbers and no tie is decided by rounding.
  const unit = 2 * delays.length * count
  let shown = 0
  let end = delays[0] * unit
  return Array.from({ length: count }, (_, k) => {
    const moment = 2 * delays.length * k * duration + count * duration
    while (shown < delays.length && end <= moment) end += (delays[++shown] ?? 0) * unit
    return shown % delays.length
  })
}

/** Numbers of T frames of a clip of `count`, evenly from its first to its last, as a captioner sees it. */
export const evenFrames = (count: number, T: number): number[] =>
  Array.from({ length: T }, (_, k) => (T === 1 ? 0 : Math.round((k * (count - 1)) / (T - 1))))

/**
 * A clip of the picked frames that lasts as long as its source: fps = count / duration. Throws TubeletError('input')
 * where it is more than memory should hold.
 */
export function takeFrames(clip: Clip & { delays: number[] }, count: number): Clip {
  const picked = pickFrames(clip.delays, count)
  const bytes = clip.width * clip.height * 4
  const frames = blankFrames(count, clip)
  picked.forEach((source, k) => {
    frames.set(frameOf(clip, source), k * bytes)
  })
  const duration = clip.delays.reduce((sum, delay) => sum + delay, 0)
  return { frames, count, width: clip.width, height: clip.height, fps: (count * 1000) / duration }
}

/** Frames a second at which a clip lies in a shard: of a frame of 10 ms or less the encoder makes one of 100. */
export const storedFps = (fps: number): number => Math.min(90, fps)

/**
 * A clip of `count` equal moments: at each, the frame that is shown then. An encoder joins frames that are equal into
 * one that is shown longer; this takes them apart again.
 */
export function frameAtEach(clip: Clip & { delays: number[] }, count: number, fps: number): Clip {
  if (clip.count === count) return clip
  const bytes = clip.width * clip.height * 4
  const frames = new Uint8Array(count * bytes)
  let shown = 0
  let end = clip.delays[0] ?? Infinity
  for (let k = 0; k < count; k++) {
    // Starts are whole milliseconds in the file, so half of one separates before from after.
    while (shown < clip.count - 1 && end <= Math.round((k * 1000) / fps) + 0.5) end += clip.delays[++shown]
    frames.set(frameOf(clip, shown), k * bytes)
  }
  return { frames, count, width: clip.width, height: clip.height, fps }
}
