import { TubeletError } from '../errors.ts'
import type { FrameSize } from '../files/clip.ts'
import { stream } from '../random.ts'

/** Clips in memory or in a file: straight RGBA bytes [T, H, W, 4] of one size. */
export interface ClipSet {
  readonly count: number
  readonly frames: number // T of every clip
  readonly size: number // H and W
  pixels(index: number): Uint8Array
}

/** Changes that keep a clip plausible; each is drawn for each sample of each step. */
export interface Augmentation {
  readonly mirror?: number // probability of left and right changing places
  readonly phase?: boolean // whether a loop starts anywhere
  readonly reverse?: number // probability of playing backwards
  readonly recolour?: number // probability of red, green and blue changing places
  readonly shift?: number // largest displacement in pixels; what leaves the frame is lost
  readonly length?: number // so many frames from the start, at most T; all where absent
}

/** Which clips make the batch of a step: a new order of all clips in each pass over them (an epoch). */
export function epochOrder(count: number, batch: number, { seed, purpose }: { seed: number; purpose: string }) {
  let known: { epoch: number; order: Uint32Array } | undefined
  const at = (position: number) => {
    const epoch = Math.floor(position / count)
    if (known?.epoch !== epoch)
      known = { epoch, order: stream({ seed, purpose: `order ${purpose}`, step: epoch }).permutation(count) }
    return known.order[position % count]
  }
  return (step: number): number[] => Array.from({ length: batch }, (_, i) => at(step * batch + i))
}

/** How one clip is read. */
interface Reading {
  readonly frameAt: (t: number) => number
  readonly mirror: boolean
  readonly channels: readonly [number, number, number]
  readonly dx: number
  readonly dy: number
}

const orders = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
] as const

function drawReading(
  frames: number,
  { mirror = 0, phase = false, reverse = 0, recolour = 0, shift = 0 }: Augmentation,
  name: { seed: number; step: number; sample: number },
): Reading {
  const random = stream({ ...name, purpose: 'augment' })
  const [m, r, c] = random.uniform(3)
  const start = phase ? random.integer(frames) : 0
  const back = r < reverse
  return {
    frameAt: (t) => (back ? start + frames - t : start + t) % frames,
    mirror: m < mirror,
    channels: orders[c < recolour ? 1 + random.integer(5) : 0],
    dx: shift > 0 ? random.integer(2 * shift + 1) - shift : 0,
    dy: shift > 0 ? random.integer(2 * shift + 1) - shift : 0,
  }
}

/** Straight RGBA bytes of one frame become premultiplied planes [4, H, W] in [−1, 1]. */
export function premultiplied(
  bytes: Uint8Array,
  { width, height }: FrameSize,
  out: Float32Array,
  { mirror, channels, dx, dy }: Omit<Reading, 'frameAt'> = plain,
) {
  const plane = width * height
  out.fill(-1)
  for (let y = Math.max(0, dy); y < Math.min(height, height + dy); y++)
    for (let x = Math.max(0, dx); x < Math.min(width, width + dx); x++) {
      const from = 4 * ((y - dy) * width + (mirror ? width - 1 - (x - dx) : x - dx))
      const alpha = bytes[from + 3]
      if (alpha === 0) continue
      const to = y * width + x
      for (let c = 0; c < 3; c++) out[c * plane + to] = (bytes[from + channels[c]] * alpha) / 32512.5 - 1
      out[3 * plane + to] = alpha / 127.5 - 1
    }
}

const plain = { mirror: false, channels: [0, 1, 2], dx: 0, dy: 0 } as const

/** A batch of clips as the autoencoder reads them: premultiplied RGBA [B, T or `length`, 4, S, S] in [−1, 1]. */
export function clipBatch(
  set: ClipSet,
  indices: readonly number[],
  { seed, step, length = set.frames, ...augmentation }: Augmentation & { seed: number; step: number },
): Float32Array {
  const { frames, size } = set
  const frame = { width: size, height: size }
  const plane = 4 * size * size
  if (length > frames) throw new TubeletError('usage', `clipBatch: length ${length} is more than the ${frames} frames`)
  const batch = new Float32Array(indices.length * length * plane)
  indices.forEach((index, b) => {
    const pixels = set.pixels(index)
    const reading = drawReading(frames, augmentation, { seed, step, sample: b })
    for (let t = 0; t < length; t++) {
      const at = reading.frameAt(t)
      const out = batch.subarray((b * length + t) * plane, (b * length + t + 1) * plane)
      premultiplied(pixels.subarray(at * plane, (at + 1) * plane), frame, out, reading)
    }
  })
  return batch
}
