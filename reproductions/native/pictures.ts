import { type PlacedShape, type Planes, paintShapes, resizeClip, shapeKinds, sizeAt, stream } from 'tubelet'

/** A picture of one shape, at no size yet. */
export interface Drawn {
  readonly label: number // which of the six shapes
  readonly aspect: number // width / height, from 1/3 to 3
  readonly x: number // of the centre, as parts of what leaves the shape inside
  readonly y: number
  readonly radius: number // as a part of the shorter side
}

const kinds = Object.keys(shapeKinds) as (keyof typeof shapeKinds)[]
export const classes = kinds.length
export const patchSize = 4

/** Picture i of a set. */
export function drawnPicture(seed: number, set: string, i: number): Drawn {
  const random = stream({ seed, purpose: `native pictures ${set}`, sample: i })
  const [aspect, x, y, radius] = random.uniform(4)
  return { label: random.integer(classes), aspect: 3 ** (2 * aspect - 1), x, y, radius: 0.25 + 0.2 * radius }
}

/** The size in pixels of a picture whose area is side². */
const sizeOf = ({ aspect }: Drawn, side: number) => sizeAt({ height: 1, width: aspect }, { side, patchSize })

/** Tokens of a picture. */
export function tokensAt(drawn: Drawn, side: number): number {
  const { height, width } = sizeOf(drawn, side)
  return (height * width) / patchSize ** 2
}

/** A shape, placed and sized in pixels, on nothing: straight RGBA [H, W, 4]. */
export function paintIn(shape: PlacedShape, { height, width }: { height: number; width: number }): Uint8Array {
  const side = Math.max(height, width)
  const [x, y, radius] = [shape.x, shape.y, shape.radius].map((pixels) => pixels / side)
  const square = paintShapes([{ ...shape, x, y, radius }], side)
  const out = new Uint8Array(height * width * 4)
  for (let row = 0; row < height; row++)
    out.set(square.subarray(row * side * 4, (row * side + width) * 4), row * width * 4)
  return out
}

function painted({ label, x, y, radius: part }: Drawn, size: { height: number; width: number }): Uint8Array {
  const radius = part * Math.min(size.height, size.width)
  const centre = (part: number, length: number) => radius + part * (length - 2 * radius)
  const place = { x: centre(x, size.width), y: centre(y, size.height), radius }
  return paintIn({ shape: kinds[label], colour: 'red', ...place }, size)
}

/** How much of each pixel is covered, from −1 to 1. */
const planes = (rgba: Uint8Array, size: { height: number; width: number }): Planes => ({
  ...size,
  pixels: Float32Array.from({ length: rgba.length / 4 }, (_, i) => rgba[4 * i + 3] / 127.5 - 1),
})

/** The picture in its own aspect. */
export function native(drawn: Drawn, side: number): Planes {
  const size = sizeOf(drawn, side)
  return planes(painted(drawn, size), size)
}

/** The picture squeezed into a square. */
export function squeezed(drawn: Drawn, side: number): Planes {
  const size = sizeOf(drawn, side)
  const clip = { frames: painted(drawn, size), count: 1, fps: 0, ...size }
  return planes(resizeClip(clip, side, side).frames, { height: side, width: side })
}
