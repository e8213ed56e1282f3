import {
  directions,
  type Planes,
  type RandomStream,
  type ShapeColour,
  type ShapeKind,
  shapeColours,
  shapeKinds,
} from 'tubelet'
import { paintIn } from './pictures.ts'

/** Frames of a clip and their size in pixels. */
export interface ClipSize {
  readonly frames: number
  readonly height: number
  readonly width: number
}

/** The exact labels of a clip: one shape that goes straight on; places and lengths in pixels. */
export interface MovingShape {
  readonly shape: ShapeKind
  readonly colour: ShapeColour
  readonly direction: Direction
  readonly radius: number
  readonly x: number // of the centre in the first frame
  readonly y: number
  readonly way: number // from the first frame to the last
}

/** A way to move. */
export type Direction = keyof typeof directions

/** A clip and what the model is told of it. */
export interface ToldClip {
  readonly planes: Planes & ClipSize // [3, T, H, W] in [−1, 1], on grey, which is 0
  readonly text: Float32Array // [3, 16]
  readonly scene: MovingShape
}

const kinds = Object.keys(shapeKinds) as ShapeKind[]
const colours = Object.keys(shapeColours) as ShapeColour[]
const ways = Object.keys(directions) as Direction[]

/** What a clip is told to show. */
export type Subject = Pick<MovingShape, 'shape' | 'colour' | 'direction'>

const subjects: readonly Subject[] = kinds.flatMap((shape) =>
  colours.flatMap((colour) => ways.map((direction) => ({ shape, colour, direction }))),
)

/** So many of the 144 subjects to ask for, all as often, in an order that mixes them. */
export const wantedSubjects = (count: number): Subject[] =>
  Array.from({ length: count }, (_, i) => subjects[(31 * i) % subjects.length])

/** Words of a text and their width; the text is exact, one of sixteen for each of shape, colour and direction. */
export const [textLength, textDim] = [3, 16]

/** A text as the network reads it. */
export function textOf({ shape, colour, direction }: Subject): Float32Array {
  const text = new Float32Array(textLength * textDim)
  text[kinds.indexOf(shape)] = 1
  text[textDim + kinds.length + colours.indexOf(colour)] = 1
  text[2 * textDim + kinds.length + colours.length + ways.indexOf(direction)] = 1
  return text
}

/** A shape that never comes nearer than a pixel to the border; it takes six tenths of the shorter side. */
export function drawMovingShape(random: RandomStream, { height, width }: Omit<ClipSize, 'frames'>): MovingShape {
  const short = Math.min(height, width)
  const [far, right, down] = random.uniform(3)
  const subject = subjects[random.integer(subjects.length)]
  const { x, y } = directions[subject.direction]
  const radius = 0.3 * short
  const [across, along] = [width, height].map((length) => length - 2 * (radius + 1)) // where the centre may be
  const way = Math.min((0.25 + 0.2 * far) * short, x === 0 ? along : across)
  const start = (part: number, room: number, step: number) =>
    radius + 1 + Math.max(0, -step) * way + part * (room - Math.abs(step) * way)
  return { ...subject, radius, way, x: start(right, across, x), y: start(down, along, y) }
}

/** What the square in the middle of a frame sees, whose side is the frame's shorter one, enlarged to another side. */
export function croppedToSquare(
  clip: MovingShape,
  { height, width }: Omit<ClipSize, 'frames'>,
  side: number,
): MovingShape {
  const short = Math.min(height, width)
  const scale = side / short
  const place = (value: number, length: number) => (value - (length - short) / 2) * scale
  const [x, y] = [place(clip.x, width), place(clip.y, height)]
  return { ...clip, radius: clip.radius * scale, way: clip.way * scale, x, y }
}

/** The pixels of a clip; what lies outside is not seen. */
export function paintClip(clip: MovingShape, size: ClipSize): ToldClip {
  const { frames, height, width } = size
  const plane = height * width
  const pixels = new Float32Array(3 * frames * plane)
  const step = directions[clip.direction]
  for (let t = 0; t < frames; t++) {
    const gone = frames === 1 ? 0 : (clip.way * t) / (frames - 1)
    const rgba = paintIn({ ...clip, x: clip.x + step.x * gone, y: clip.y + step.y * gone }, size)
    for (let c = 0; c < 3; c++)
      for (let i = 0; i < plane; i++)
        pixels[(c * frames + t) * plane + i] = ((rgba[4 * i + c] / 127.5 - 1) * rgba[4 * i + 3]) / 255
  }
  return { planes: { ...size, pixels }, text: textOf(clip), scene: clip }
}

/** The frames of clips [3, T, H, W], one after another, as pictures [N · T, 3, H, W]. */
export function framesOf(clips: readonly Float32Array[], { frames, height, width }: ClipSize): Float32Array {
  const plane = height * width
  const out = new Float32Array(clips.length * 3 * frames * plane)
  let to = 0
  for (const clip of clips)
    for (let t = 0; t < frames; t++)
      for (let c = 0; c < 3; c++, to += plane) {
        const from = (c * frames + t) * plane
        out.set(clip.subarray(from, from + plane), to)
      }
  return out
}
