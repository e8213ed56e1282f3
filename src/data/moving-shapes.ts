import { TubeletError } from '../errors.ts'
import type { RandomStream } from '../random.ts'
import type { CaptionDetail, CaptionLanguage } from './captions.ts'
import { article, pick } from './prompts.ts'
import {
  keys,
  paintShapes,
  type ShapeColour,
  type ShapeKind,
  type ShapeSize,
  shapeColours,
  shapeKinds,
  shapeSizes,
} from './shapes.ts'

/** Ways to move, with the step along x and y. */
export const directions = {
  left: { x: -1, y: 0, en: 'to the left', zh: '向左' },
  right: { x: 1, y: 0, en: 'to the right', zh: '向右' },
  up: { x: 0, y: -1, en: 'up', zh: '向上' },
  down: { x: 0, y: 1, en: 'down', zh: '向下' },
} as const

/** How far an event goes, as a part of the picture. */
export const speeds = {
  slow: { way: 0.12, en: 'slowly', zh: '慢慢' },
  fast: { way: 0.34, en: 'quickly', zh: '快速' },
} as const

/** One movement. */
export interface MotionEvent {
  readonly direction: keyof typeof directions
  readonly speed: keyof typeof speeds
}

/** The exact labels of a clip: one shape, and its events in their order, each as long as the others. */
export interface MovingScene {
  readonly shape: ShapeKind
  readonly colour: ShapeColour
  readonly size: ShapeSize
  readonly events: readonly MotionEvent[]
  readonly start: { readonly x: number; readonly y: number } // parts of the picture
}

/** A scene drawn at random whose shape never leaves the picture; an event never goes straight back. */
export function drawMovingScene(random: RandomStream, { events: most = 2 } = {}): MovingScene {
  if (!(most >= 1 && most <= 2))
    throw new TubeletError('usage', `moving shapes: 1 or 2 events fit into a clip, not ${most}`)
  const event = (): MotionEvent => ({ direction: pick(keys(directions), random), speed: pick(keys(speeds), random) })
  const events = [event()]
  if (random.integer(most) === 1) {
    let next = event()
    while (isBack(events[0], next)) next = event()
    events.push(next)
  }
  const size = pick(keys(shapeSizes), random)
  const way = (axis: 'x' | 'y') => {
    const origin = { events, start: { x: 0, y: 0 } }
    const places = Array.from({ length: events.length + 1 }, (_, i) => positionAt(origin, i / events.length)[axis])
    return { low: Math.min(...places), high: Math.max(...places) }
  }
  const margin = shapeSizes[size].radius / 3
  const begin = (axis: 'x' | 'y') => {
    const { low, high } = way(axis)
    const [least, most] = [margin - low, 1 - margin - high]
    return most > least ? least + (most - least) * random.uniform(1)[0] : (least + most) / 2
  }
  return {
    shape: pick(keys(shapeKinds), random),
    colour: pick(keys(shapeColours), random),
    size,
    events,
    start: { x: begin('x'), y: begin('y') },
  }
}

const isBack = (a: MotionEvent, b: MotionEvent) =>
  directions[a.direction].x + directions[b.direction].x === 0 &&
  directions[a.direction].y + directions[b.direction].y === 0

/** Where the shape is at a time from 0 (first frame) to 1 (last frame), as parts of the picture. */
export function positionAt(
  { events, start }: Pick<MovingScene, 'events' | 'start'>,
  time: number,
): { x: number; y: number } {
  let { x, y } = start
  for (const [i, { direction, speed }] of events.entries()) {
    const part = Math.min(1, Math.max(0, time * events.length - i))
    x += directions[direction].x * speeds[speed].way * part
    y += directions[direction].y * speeds[speed].way * part
  }
  return { x, y }
}

/** Pixels [T, S, S, 4] of a clip, straight RGBA. */
export function paintMovingScene(scene: MovingScene, { frames, size }: { frames: number; size: number }): Uint8Array {
  const { shape, colour } = scene
  const out = new Uint8Array(frames * size * size * 4)
  for (let t = 0; t < frames; t++) {
    const place = positionAt(scene, frames === 1 ? 0 : t / (frames - 1))
    const radius = shapeSizes[scene.size].radius / 3
    out.set(paintShapes([{ shape, colour, radius, ...place }], size), t * size * size * 4)
  }
  return out
}

/** Tells a clip: shape, colour and directions, or size and speeds as well. */
export function captionMovingScene(scene: MovingScene, language: CaptionLanguage, detail: CaptionDetail): string {
  const long = detail === 'long'
  const { shape, colour, size, events } = scene
  if (language === 'zh') {
    const moves = events.map(({ direction, speed }) => `${long ? speeds[speed].zh : ''}${directions[direction].zh}移动`)
    const order = moves.length > 1 ? `先${moves.join('，再')}` : moves[0]
    return `一个${long ? `${shapeSizes[size].zh}的` : ''}${shapeColours[colour].zh}${shapeKinds[shape].zh}${order}${long ? '。' : ''}`
  }
  const noun = [long ? shapeSizes[size].en : '', shapeColours[colour].en, shapeKinds[shape].en]
    .filter(Boolean)
    .join(' ')
  const moves = events.map(
    ({ direction, speed }) => `moves ${long ? `${speeds[speed].en} ` : ''}${directions[direction].en}`,
  )
  const text = `${article(noun)} ${noun} ${moves.join(', then ')}`
  return long ? `${text[0].toUpperCase()}${text.slice(1)}.` : text
}
