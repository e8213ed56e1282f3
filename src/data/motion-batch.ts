import type { RandomStream } from '../random.ts'
import { composited } from './caption-batch.ts'
import { directions, drawMovingScene, type MovingScene, paintMovingScene } from './moving-shapes.ts'
import { keys } from './shapes.ts'

/**
 * The classes of clips by the order of two movements, the second not straight back. The places of `up left` are those of
 * `right down` in the opposite order, and so for each class: without the order of the frames, at most half can be right.
 */
export const motionClasses: readonly string[] = keys(directions).flatMap((first) =>
  keys(directions)
    .filter((second) => !isBack(first, second))
    .map((second) => `${first} ${second}`),
)

function isBack(first: keyof typeof directions, second: keyof typeof directions): boolean {
  const [a, b] = [directions[first], directions[second]]
  return a.x + b.x === 0 && a.y + b.y === 0
}

/** Size of a batch of clips. */
export interface MotionBatchOptions {
  readonly count: number // B
  readonly frames: number // T
  readonly size: number // S, pixels
}

/** Clips with their classes. */
export interface MotionBatch {
  readonly pixels: Float32Array // [B, T, 3, S, S] in [−1, 1], on grey, which is 0
  readonly labels: Int32Array // [B]
}

/** Clips of one shape that goes two ways quickly; `random` gives the numbers of each sample. */
export function motionBatch(
  random: (sample: number) => RandomStream,
  { count, frames, size }: MotionBatchOptions,
): MotionBatch {
  const frame = 3 * size * size // numbers
  const pixels = new Float32Array(count * frames * frame)
  const labels = Int32Array.from({ length: count }, (_, b) => {
    const scene = twoQuickMoves(random(b))
    const rgba = paintMovingScene(scene, { frames, size })
    for (let t = 0; t < frames; t++) {
      const at = (b * frames + t) * frame
      composited(rgba.subarray(4 * t * size * size, 4 * (t + 1) * size * size), grey, pixels.subarray(at, at + frame))
    }
    return motionClasses.indexOf(scene.events.map(({ direction }) => direction).join(' '))
  })
  return { pixels, labels }
}

const grey = [127.5, 127.5, 127.5]

function twoQuickMoves(random: RandomStream): MovingScene {
  for (;;) {
    const scene = drawMovingScene(random)
    if (scene.events.length === 2 && scene.events.every(({ speed }) => speed === 'fast')) return scene
  }
}
