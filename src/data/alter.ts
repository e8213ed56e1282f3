import type { RandomStream } from '../random.ts'
import { type Attributes, namedColours } from './prompts.ts'
import { recolour } from './recolour.ts'

/** Straight RGBA bytes [T, S, S, 4] of a clip. */
interface Pixels {
  readonly frames: number
  readonly size: number
  readonly bytes: Uint8Array
}

/**
 * What to do to a drawing, drawn at random: half of the time something that the caption will say, so that attributes
 * can be asked for. Only a moving drawing is played backwards.
 */
export function drawAttributes(random: RandomStream, moving: boolean): Attributes {
  const [kind, second] = random.uniform(2)
  const colour = namedColours[random.integer(namedColours.length)]
  if (kind < 0.5) return { colour, small: second < 0.1, two: second > 0.9 }
  if (kind < 0.65) return { small: true }
  if (kind < 0.8) return { two: true }
  if (kind < 0.9 || !moving) return { mirrored: true }
  return { reversed: true }
}

/** Changes with what `alter` and `drawAttributes` make, for those who keep it. */
export const alterVersion = 2

/** A changed copy of a clip: recoloured, smaller, doubled, mirrored or backwards, as the attributes say. */
export function alter(source: Pixels, attributes: Attributes): Uint8Array {
  const { frames, size } = source
  const frame = 4 * size * size
  let bytes = source.bytes
  if (attributes.reversed) bytes = backwards(bytes, frames, frame)
  if (attributes.colour) bytes = recolour(bytes, attributes.colour.hue)
  if (attributes.mirrored) bytes = placed(bytes, { frames, size, places: [{ x: 0, y: 0, scale: 1, mirror: true }] })
  if (attributes.two) {
    const scale = attributes.small ? 0.36 : 0.5
    const y = (1 - scale) / 2
    const places = [0.25, 0.75].map((centre) => ({ x: centre - scale / 2, y, scale, mirror: false }))
    return placed(bytes, { frames, size, places })
  }
  if (attributes.small)
    return placed(bytes, { frames, size, places: [{ x: 0.225, y: 0.225, scale: 0.55, mirror: false }] })
  return bytes
}

/** The loop played backwards from its first frame. */
function backwards(bytes: Uint8Array, frames: number, frame: number): Uint8Array {
  const out = new Uint8Array(bytes.length)
  for (let t = 0; t < frames; t++)
    out.set(bytes.subarray(((frames - t) % frames) * frame, ((frames - t) % frames) * frame + frame), t * frame)
  return out
}

interface Placing {
  readonly frames: number
  readonly size: number
  /** Left and top edge and side of each copy, as parts of the picture. */
  readonly places: readonly { x: number; y: number; scale: number; mirror: boolean }[]
}

/** Copies of the picture at some places, each pixel a premultiplied mean over what it covers. */
function placed(bytes: Uint8Array, { frames, size, places }: Placing): Uint8Array {
  const out = new Uint8Array(bytes.length)
  for (const { x, y, scale, mirror } of places) {
    const [left, top, side] = [x, y, scale].map((v) => Math.round(v * size))
    for (let t = 0; t < frames; t++)
      for (let v = 0; v < side; v++)
        for (let u = 0; u < side; u++) {
          const from = { x: (mirror ? side - 1 - u : u) / scale, y: v / scale, span: 1 / scale }
          blend(bytes, out, { size, t, from, to: 4 * ((t * size + top + v) * size + left + u) })
        }
  }
  return out
}

interface Blend {
  readonly size: number
  readonly t: number
  readonly from: { x: number; y: number; span: number }
  readonly to: number
}

/** One target pixel from the source square that it covers, sampled on a 3 × 3 grid (a single sample where nothing shrinks). */
function blend(source: Uint8Array, out: Uint8Array, { size, t, from, to }: Blend) {
  const taps = from.span > 1 ? 3 : 1
  const sum = [0, 0, 0, 0]
  for (let j = 0; j < taps; j++)
    for (let i = 0; i < taps; i++) {
      const x = Math.min(size - 1, Math.floor(from.x + ((i + 0.5) * from.span) / taps))
      const y = Math.min(size - 1, Math.floor(from.y + ((j + 0.5) * from.span) / taps))
      const at = 4 * ((t * size + y) * size + x)
      const alpha = source[at + 3]
      for (let c = 0; c < 3; c++) sum[c] += source[at + c] * alpha
      sum[3] += alpha
    }
  if (sum[3] === 0) return
  for (let c = 0; c < 3; c++) out[to + c] = sum[c] / sum[3]
  out[to + 3] = sum[3] / (taps * taps)
}
