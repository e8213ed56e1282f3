import { type ShapeColour, type ShapeKind, shapeColours, shapeKinds } from 'tubelet'
import type { ClipSize, Direction } from './clips.ts'
import { paintIn } from './pictures.ts'

// Reads exactly what a clip of one shape on grey shows: no network takes part. On clips as they are painted it is always right.

/** What a frame shows. */
interface SeenFrame {
  readonly colour: ShapeColour
  readonly cover: Float32Array // part of each pixel that is of this colour, [H, W]
  readonly area: number // sum of it
  readonly x: number // its centre of mass, in pixels
  readonly y: number
}

/** What a clip shows in all of its frames; undefined where frames differ, or nothing is to be seen. */
export interface SeenClip {
  readonly shape?: ShapeKind
  readonly colour?: ShapeColour
  readonly direction?: Direction
  /** Where the subject is: in the frame as a whole, partly in it, or nowhere, in some frame. */
  readonly subject: 'whole' | 'partly' | 'nowhere'
}

const leastPixels = 4 // of a subject, each more than half covered: what is fainter is no subject
const leastWay = 1 // pixels of a movement

const palette = (Object.keys(shapeColours) as ShapeColour[]).map((colour) => ({
  colour,
  rgb: shapeColours[colour].rgb.map((value) => value / 127.5 - 1),
}))

/** Area and centre of mass of each shape of radius 1. */
const moments = (Object.keys(shapeKinds) as ShapeKind[]).map((shape) => {
  const [radius, side] = [32, 80]
  const rgba = paintIn({ shape, colour: 'red', x: side / 2, y: side / 2, radius }, { height: side, width: side })
  const cover = Float32Array.from({ length: side * side }, (_, i) => rgba[4 * i + 3] / 255)
  const { area, x, y } = massOf(cover, side)
  return { shape, area: area / radius ** 2, x: (x - side / 2) / radius, y: (y - side / 2) / radius }
})

/** Reads a clip [3, T, H, W]. */
export function readClip(pixels: Float32Array, size: ClipSize): SeenClip {
  const frames = Array.from({ length: size.frames }, (_, t) => readFrame(pixels, t, size))
  if (frames.some(({ cover }) => cover.filter(half).length < leastPixels)) return { subject: 'nowhere' }
  const same = <T>(values: readonly T[]) => (values.every((value) => value === values[0]) ? values[0] : undefined)
  return {
    shape: same(frames.map((frame) => shapeOf(frame, size))),
    colour: same(frames.map(({ colour }) => colour)),
    direction: directionOf(frames[0], frames[frames.length - 1]),
    subject: frames.some((frame) => touchesBorder(frame, size)) ? 'partly' : 'whole',
  }
}

/** The colour that leaves the least of a frame unexplained, and how much of it is where. */
function readFrame(pixels: Float32Array, t: number, { frames, height, width }: ClipSize): SeenFrame {
  const plane = height * width
  const values = [0, 1, 2].map((c) => pixels.subarray((c * frames + t) * plane, (c * frames + t + 1) * plane))
  const tried = palette.map(({ colour, rgb }) => {
    const length = rgb.reduce((sum, value) => sum + value ** 2, 0)
    const cover = new Float32Array(plane)
    let error = 0
    for (let i = 0; i < plane; i++) {
      const dot = rgb.reduce((sum, value, c) => sum + value * values[c][i], 0)
      cover[i] = Math.min(1, Math.max(0, dot / length))
      error += rgb.reduce((sum, value, c) => sum + (values[c][i] - cover[i] * value) ** 2, 0)
    }
    return { colour, cover, error }
  })
  const { colour, cover } = tried.reduce((best, one) => (one.error < best.error ? one : best))
  return { colour, cover, ...massOf(cover, width) }
}

function massOf(cover: Float32Array, width: number) {
  let [area, x, y] = [0, 0, 0]
  cover.forEach((value, i) => {
    area += value
    x += value * ((i % width) + 0.5)
    y += value * (Math.floor(i / width) + 0.5)
  })
  return { area, x: x / area, y: y / area }
}

/** The shape whose rendering of the same area and centre of mass is nearest. */
function shapeOf({ cover, ...seen }: SeenFrame, size: ClipSize): ShapeKind {
  const tried = moments.map(({ shape, area, x, y }) => {
    const radius = Math.sqrt(seen.area / area)
    const rgba = paintIn({ shape, colour: 'red', radius, x: seen.x - x * radius, y: seen.y - y * radius }, size)
    return { shape, error: cover.reduce((sum, value, i) => sum + (value - rgba[4 * i + 3] / 255) ** 2, 0) }
  })
  return tried.reduce((best, one) => (one.error < best.error ? one : best)).shape
}

function directionOf(first: SeenFrame, last: SeenFrame): Direction | undefined {
  const [x, y] = [last.x - first.x, last.y - first.y]
  if (Math.max(Math.abs(x), Math.abs(y)) < leastWay) return undefined
  if (Math.abs(x) > Math.abs(y)) return x > 0 ? 'right' : 'left'
  return y > 0 ? 'down' : 'up'
}

const half = (cover: number): boolean => cover > 0.5

/** Whether a pixel at the border is more than half of the subject. */
function touchesBorder({ cover }: SeenFrame, { height, width }: ClipSize): boolean {
  return cover.some((value, i) => {
    const [row, column] = [Math.floor(i / width), i % width]
    return half(value) && (row === 0 || column === 0 || row === height - 1 || column === width - 1)
  })
}
