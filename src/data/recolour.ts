/**
 * A picture or clip of straight RGBA bytes in another hue, in degrees. Where it has a main colour, what has nearly that
 * hue takes the new one, with a quarter of its differences, and the rest stays; a picture of grays takes it all over. Hue −1
 * takes all colour away. Lightness and alpha stay nearly as they are.
 */
export function recolour(bytes: Uint8Array, hue: number): Uint8Array {
  const out = new Uint8Array(bytes)
  const main = hue < 0 ? undefined : mainHue(bytes)
  for (let i = 0; i < out.length; i += 4) {
    if (bytes[i + 3] === 0) continue
    const pixel = hslOf(bytes, i)
    if (hue < 0) {
      out.fill(255 * pixel.light, i, i + 3)
      continue
    }
    const off = main === undefined ? 0 : turn(pixel.hue, main)
    const part = main === undefined ? 1 : Math.min(1, pixel.chroma / 0.16) * near(Math.abs(off))
    if (part === 0) continue
    const saturation = main === undefined ? 0.85 : 0.4 + 0.5 * pixel.saturation
    // Lightness is drawn towards the middle, where colour shows.
    const [l, h] = [0.12 + 0.72 * pixel.light, (hue + off / 4 + 360) % 360]
    const reach = saturation * Math.min(l, 1 - l)
    for (let c = 0; c < 3; c++) {
      const painted = 255 * (l - reach * (1 - 2 * hueShape(([0, 8, 4][c] + h / 30) % 12)))
      out[i + c] = Math.round(bytes[i + c] + part * (painted - bytes[i + c]))
    }
  }
  return out
}

const [close, far] = [45, 75] // degrees from the main hue

/** How much of a pixel takes the new hue, by how far its own is from the main one. */
const near = (degrees: number): number => Math.min(1, Math.max(0, (far - degrees) / (far - close)))

/** From `b` to `a` the short way round, in degrees. */
const turn = (a: number, b: number): number => ((a - b + 540) % 360) - 180

const bin = 5 // degrees

/** The hue that most colour is near to; none where it is on less than a third of what is seen. */
function mainHue(bytes: Uint8Array): number | undefined {
  const area = new Float64Array(360 / bin)
  let seen = 0
  for (let i = 0; i < bytes.length; i += 4) {
    if (bytes[i + 3] === 0) continue
    const { hue, chroma } = hslOf(bytes, i)
    if (chroma > 0.12) area[Math.floor(hue / bin) % area.length] += bytes[i + 3]
    seen += bytes[i + 3]
  }
  const around = (centre: number, weight: (degrees: number) => number): number =>
    area.reduce((sum, w, k) => sum + w * weight(Math.abs(turn(k * bin, centre * bin))), 0)
  // A peak, so that the middle of the colours that are near is found and not their edge.
  const sums = Array.from(area, (_, k) => around(k, (degrees) => Math.max(0, far - degrees)))
  const main = sums.indexOf(Math.max(...sums))
  return around(main, near) > seen / 3 ? bin * (main + 0.5) : undefined
}

/** Hue in degrees, chroma, saturation and lightness in [0, 1]. */
function hslOf(bytes: Uint8Array, i: number): { hue: number; chroma: number; saturation: number; light: number } {
  const [r, g, b] = [bytes[i] / 255, bytes[i + 1] / 255, bytes[i + 2] / 255]
  const [most, least] = [Math.max(r, g, b), Math.min(r, g, b)]
  const [chroma, light] = [most - least, (most + least) / 2]
  if (chroma === 0) return { hue: 0, chroma, saturation: 0, light }
  const sixth = most === r ? (g - b) / chroma : most === g ? 2 + (b - r) / chroma : 4 + (r - g) / chroma
  return { hue: (60 * sixth + 360) % 360, chroma, saturation: chroma / (1 - Math.abs(2 * light - 1)), light }
}

/** The piecewise linear curve of one channel over the hue, in twelfths of a turn. */
const hueShape = (k: number): number => (1 - Math.max(-1, Math.min(k - 3, 9 - k, 1))) / 2
