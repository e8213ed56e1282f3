import { TubeletError } from '../errors.ts'
import type { RandomStream } from '../random.ts'
import { pick } from './prompts.ts'

/** A word in both languages of the captions. */
interface Named {
  readonly en: string
  readonly zh: string
}

/** The colours, straight RGB in 0…255. */
export const shapeColours = {
  red: { rgb: [222, 45, 38], en: 'red', zh: '红色' },
  orange: { rgb: [253, 141, 20], en: 'orange', zh: '橙色' },
  yellow: { rgb: [250, 211, 30], en: 'yellow', zh: '黄色' },
  green: { rgb: [40, 160, 70], en: 'green', zh: '绿色' },
  blue: { rgb: [40, 100, 215], en: 'blue', zh: '蓝色' },
  purple: { rgb: [130, 60, 180], en: 'purple', zh: '紫色' },
} as const satisfies Record<string, Named & { rgb: readonly [number, number, number] }>

/** The shapes, by their signed distance: negative inside, of a shape that fits into the circle of radius 1. */
export const shapeKinds = {
  circle: { distance: (x: number, y: number) => Math.hypot(x, y) - 0.95, en: 'circle', zh: '圆形' },
  square: { distance: (x: number, y: number) => Math.max(Math.abs(x), Math.abs(y)) - 0.8, en: 'square', zh: '正方形' },
  triangle: { distance: triangle, en: 'triangle', zh: '三角形' },
  cross: { distance: cross, en: 'cross', zh: '十字' },
  ring: {
    distance: (x: number, y: number) => Math.abs(Math.hypot(x, y) - 0.72) - 0.22,
    en: 'ring',
    zh: '圆环',
  },
  star: { distance: star, en: 'star', zh: '五角星' },
} as const satisfies Record<string, Named & { distance: (x: number, y: number) => number }>

/** Radius as a part of a cell, a third of the picture. */
export const shapeSizes = {
  small: { radius: 0.26, en: 'small', zh: '小' },
  large: { radius: 0.46, en: 'large', zh: '大' },
} as const satisfies Record<string, Named & { radius: number }>

/** The nine cells of the picture, row by row. */
export const shapePlaces = [
  { en: 'at the top left', zh: '左上角' },
  { en: 'at the top', zh: '上方' },
  { en: 'at the top right', zh: '右上角' },
  { en: 'on the left', zh: '左侧' },
  { en: 'in the middle', zh: '中间' },
  { en: 'on the right', zh: '右侧' },
  { en: 'at the bottom left', zh: '左下角' },
  { en: 'at the bottom', zh: '下方' },
  { en: 'at the bottom right', zh: '右下角' },
] as const satisfies readonly Named[]

/** The key of a colour. */
export type ShapeColour = keyof typeof shapeColours
/** The key of a shape. */
export type ShapeKind = keyof typeof shapeKinds
/** The key of a size. */
export type ShapeSize = keyof typeof shapeSizes

/** Shapes that are alike, each in a cell of its own. */
export interface ShapeGroup {
  readonly shape: ShapeKind
  readonly colour: ShapeColour
  readonly size: ShapeSize
  readonly cells: readonly number[] // 0…8, in order; how many there are is the count
}

/** The exact labels of a picture. */
export type ShapeScene = readonly ShapeGroup[]

/** The keys of a table. */
export const keys = <T extends object>(table: T) => Object.keys(table) as (keyof T)[]

/** A scene drawn at random: up to `groups` kinds of shapes, up to `count` of each, no two in one cell. */
export function drawScene(random: RandomStream, { groups = 2, count = 3 } = {}): ShapeScene {
  if (!(groups >= 1 && count >= 1 && groups * count <= shapePlaces.length))
    throw new TubeletError('usage', `shapes: ${groups} groups of ${count} do not fit into ${shapePlaces.length} cells`)
  const cells = Array.from(random.permutation(shapePlaces.length))
  const taken = new Set<string>()
  return Array.from({ length: 1 + random.integer(groups) }, (): ShapeGroup => {
    const kind = () => [pick(keys(shapeKinds), random), pick(keys(shapeColours), random)] as const
    let [shape, colour] = kind()
    while (taken.has(`${shape} ${colour}`)) [shape, colour] = kind()
    taken.add(`${shape} ${colour}`)
    const own = cells.splice(0, 1 + random.integer(count)).sort((a, b) => a - b)
    return { shape, colour, size: pick(keys(shapeSizes), random), cells: own }
  })
}

/** A shape anywhere: its centre and radius as parts of the picture. */
export interface PlacedShape {
  readonly shape: ShapeKind
  readonly colour: ShapeColour
  readonly x: number
  readonly y: number
  readonly radius: number
}

/** Where the shapes of a scene are. */
export const placedShapes = (scene: ShapeScene): PlacedShape[] =>
  scene.flatMap(({ shape, colour, size, cells }) =>
    cells.map((cell) => ({
      ...{ shape, colour, radius: shapeSizes[size].radius / 3 },
      ...{ x: ((cell % 3) + 0.5) / 3, y: (Math.floor(cell / 3) + 0.5) / 3 },
    })),
  )

/** Pixels [S, S, 4] of shapes on nothing, straight RGBA; later ones lie above. Edges are smooth over one pixel. */
export function paintShapes(shapes: readonly PlacedShape[], size: number): Uint8Array {
  const out = new Uint8Array(size * size * 4)
  for (const { shape, colour, x, y, radius } of shapes) {
    const [r, reach] = [radius * size, Math.ceil(radius * size) + 1]
    const span = (centre: number) => [
      Math.max(0, Math.floor(centre * size) - reach),
      Math.min(size, Math.ceil(centre * size) + reach),
    ]
    const [[left, right], [top, bottom]] = [span(x), span(y)]
    for (let row = top; row < bottom; row++)
      for (let column = left; column < right; column++) {
        const distance = shapeKinds[shape].distance((column + 0.5 - x * size) / r, (row + 0.5 - y * size) / r) * r
        const cover = Math.min(1, Math.max(0, 0.5 - distance))
        if (cover > 0) over(out, 4 * (row * size + column), shapeColours[colour].rgb, cover)
      }
  }
  return out
}

/** Lays a colour over a pixel of straight RGBA. */
function over(out: Uint8Array, at: number, rgb: readonly number[], cover: number) {
  const below = (out[at + 3] / 255) * (1 - cover)
  const alpha = cover + below
  for (let c = 0; c < 3; c++) out[at + c] = Math.round((rgb[c] * cover + out[at + c] * below) / alpha)
  out[at + 3] = Math.round(255 * alpha)
}

function triangle(x: number, y: number): number {
  return Math.max(y - 0.5, Math.abs(x) * (Math.sqrt(3) / 2) - y * 0.5 - 0.5)
}

function cross(x: number, y: number): number {
  const [a, b] = [Math.abs(x), Math.abs(y)]
  return Math.min(Math.max(a - 0.85, b - 0.3), Math.max(b - 0.85, a - 0.3))
}

/** Five points: the tip of each at radius 1, the corner between two at 0.42. */
function star(x: number, y: number): number {
  const slice = (2 * Math.PI) / 5
  const turned = Math.atan2(x, -y) // 0 at the upper tip
  const angle = Math.abs(turned - slice * Math.round(turned / slice)) // from the nearest tip, up to 36°
  const r = Math.hypot(x, y)
  const [px, py] = [r * Math.cos(angle), r * Math.sin(angle)]
  const [cx, cy] = [0.42 * Math.cos(slice / 2), 0.42 * Math.sin(slice / 2)]
  const [ex, ey] = [cx - 1, cy] // the edge, from the tip (1, 0) to the corner
  return ((px - 1) * -ey + py * ex) / -Math.hypot(ex, ey)
}
