import { TubeletError } from '../errors.ts'
import { blankFrames, type Clip, type FrameSize } from '../files/clip.ts'

/** For each output pixel, the source pixels that it covers and how much of each: [first, weights]. */
type Coverage = { first: number; weights: Float64Array }[]

/** How much of each of `from` source pixels lies under each of `to` output pixels; weights sum to 1. */
function coverage(from: number, to: number): Coverage {
  const step = from / to
  return Array.from({ length: to }, (_, i) => {
    const start = i * step
    const end = Math.min(from, start + step)
    const first = Math.floor(start)
    const weights = new Float64Array(Math.max(1, Math.ceil(end) - first))
    for (let k = 0; k < weights.length; k++) {
      weights[k] = (Math.min(end, first + k + 1) - Math.max(start, first + k)) / step
    }
    return { first, weights }
  })
}

/**
 * Resizes every frame by area averaging in premultiplied alpha: frames [T, H, W, 4] → [T, height, width, 4], straight RGBA.
 * A colour counts as much as it is seen, so what hides under transparent pixels never tints an edge.
 */
export function resizeClip(clip: Clip, width: number, height: number): Clip {
  if (!Number.isInteger(width) || !Number.isInteger(height) || width < 1 || height < 1) {
    throw new TubeletError('usage', `resizeClip: sizes must be whole numbers above 0 (got ${width}×${height})`)
  }
  if (width === clip.width && height === clip.height) return clip
  const columns = coverage(clip.width, width)
  const rows = coverage(clip.height, height)
  const frames = new Uint8Array(clip.count * width * height * 4)
  const narrow = new Float64Array(clip.height * width * 4)
  for (let t = 0; t < clip.count; t++) {
    const size = clip.width * clip.height * 4
    shrinkColumns(clip.frames.subarray(t * size, (t + 1) * size), narrow, { columns, from: clip.width })
    const to = frames.subarray(t * width * height * 4, (t + 1) * width * height * 4)
    shrinkRows(narrow, to, { rows, width })
  }
  return { ...clip, frames, width, height }
}

/** Straight RGBA [H, from, 4] → premultiplied sums [H, columns, 4]: r·a, g·a, b·a, a. */
function shrinkColumns(source: Uint8Array, out: Float64Array, { columns, from }: { columns: Coverage; from: number }) {
  const height = source.length / (from * 4)
  let o = 0
  for (let y = 0; y < height; y++) {
    for (const { first, weights } of columns) {
      let [r, g, b, a] = [0, 0, 0, 0]
      for (let k = 0, s = (y * from + first) * 4; k < weights.length; k++, s += 4) {
        const seen = weights[k] * source[s + 3]
        r += seen * source[s]
        g += seen * source[s + 1]
        b += seen * source[s + 2]
        a += seen
      }
      out[o++] = r
      out[o++] = g
      out[o++] = b
      out[o++] = a
    }
  }
}

/** Premultiplied sums [H, width, 4] → straight RGBA bytes [rows, width, 4]; a pixel that is not seen is black. */
function shrinkRows(source: Float64Array, out: Uint8Array, { rows, width }: { rows: Coverage; width: number }) {
  let o = 0
  for (const { first, weights } of rows) {
    for (let x = 0; x < width; x++) {
      let [r, g, b, a] = [0, 0, 0, 0]
      for (let k = 0, s = (first * width + x) * 4; k < weights.length; k++, s += width * 4) {
        r += weights[k] * source[s]
        g += weights[k] * source[s + 1]
        b += weights[k] * source[s + 2]
        a += weights[k] * source[s + 3]
      }
      const alpha = Math.round(a)
      out[o++] = alpha > 0 ? Math.round(r / a) : 0
      out[o++] = alpha > 0 ? Math.round(g / a) : 0
      out[o++] = alpha > 0 ? Math.round(b / a) : 0
      out[o++] = alpha
    }
  }
}

/** Centres a clip on a transparent square whose side is the longer of its sides. */
export function padToSquare(clip: Clip): Clip {
  const side = Math.max(clip.width, clip.height)
  return padTo(clip, { width: side, height: side })
}

/** Centres a clip on a transparent frame as large as it or larger; throws TubeletError('input') where that is too large. */
export function padTo(clip: Clip, size: FrameSize): Clip {
  const { width, height, count } = clip
  if (width === size.width && height === size.height) return clip
  const [left, top] = [(size.width - width) >> 1, (size.height - height) >> 1]
  const frames = blankFrames(count, size)
  for (let t = 0; t < count; t++) {
    for (let y = 0; y < height; y++) {
      const from = (t * height + y) * width * 4
      frames.set(clip.frames.subarray(from, from + width * 4), ((t * size.height + top + y) * size.width + left) * 4)
    }
  }
  return { ...clip, frames, ...size }
}

/** The smallest rectangle that holds all that can be seen in any frame; the clip itself where that is nothing. */
export function cropToDrawn(clip: Clip): Clip {
  const { width, height, count } = clip
  let [left, top, right, bottom] = [width, height, -1, -1]
  for (let i = 0; i < count * width * height; i++) {
    if (clip.frames[4 * i + 3] < 8) continue // fainter is noise of the codec
    const [x, y] = [i % width, Math.floor(i / width) % height]
    ;[left, right] = [Math.min(left, x), Math.max(right, x)]
    ;[top, bottom] = [Math.min(top, y), Math.max(bottom, y)]
  }
  if (right < 0) return clip
  const size = { width: right - left + 1, height: bottom - top + 1 }
  const frames = new Uint8Array(count * size.width * size.height * 4)
  for (let t = 0; t < count; t++)
    for (let y = 0; y < size.height; y++) {
      const from = 4 * ((t * height + top + y) * width + left)
      frames.set(clip.frames.subarray(from, from + 4 * size.width), 4 * (t * size.height + y) * size.width)
    }
  return { ...clip, ...size, frames }
}

/**
 * Gives fully transparent pixels the mean colour of their seen neighbours, `rounds` pixels far; alpha stays.
 * A lossy codec stores colour in blocks of half resolution, and would smear what it finds there into the edge.
 */
export function spreadColours(clip: Clip, rounds: number): Clip {
  const { width, height, count } = clip
  const frames = clip.frames.slice()
  const known = new Uint8Array(width * height)
  for (let t = 0; t < count; t++) {
    const frame = frames.subarray(t * width * height * 4, (t + 1) * width * height * 4)
    for (let p = 0; p < known.length; p++) known[p] = frame[p * 4 + 3] > 0 ? 1 : 0
    for (let round = 0; round < rounds; round++) spreadOnce(frame, known, { width, height })
  }
  return { ...clip, frames }
}

function spreadOnce(frame: Uint8Array, known: Uint8Array, { width, height }: { width: number; height: number }) {
  const before = known.slice()
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (before[y * width + x]) continue
      let [r, g, b, n] = [0, 0, 0, 0]
      for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
        for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
          if (!before[v * width + u]) continue
          const s = (v * width + u) * 4
          r += frame[s]
          g += frame[s + 1]
          b += frame[s + 2]
          n++
        }
      }
      if (n === 0) continue
      frame.set([r / n, g / n, b / n], (y * width + x) * 4)
      known[y * width + x] = 1
    }
  }
}
