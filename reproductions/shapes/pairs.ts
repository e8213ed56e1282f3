import { paintShapes, type ShapeScene, shapeSizes, stream } from 'tubelet'
import { composited } from 'tubelet/node'

export const side = 16 // pixels
/** The quarters of a picture, among the nine places that captions name. */
export const corners = [0, 2, 6, 8]
const kinds = ['circle', 'square', 'triangle', 'cross'] as const
const sizes = ['small', 'large'] as const
const colours = ['red', 'yellow', 'green', 'blue'] as const

/** Two shapes of different kind and colour in two corners. */
export function drawPair(name: { seed: number; purpose: string; step?: number; sample?: number }): ShapeScene {
  const random = stream(name)
  const two = <T>(list: readonly T[]) => [...random.permutation(list.length)].slice(0, 2).map((i) => list[i])
  const [shapes, paints, cells] = [two(kinds), two(colours), two(corners)]
  return shapes.map((shape, i) => {
    const size = sizes[random.integer(2)]
    return { shape, colour: paints[i], size, cells: [cells[i]] }
  })
}

/** The scene on white, each shape in the middle of its quarter: [3, S, S] in [−1, 1]. */
export function paint(scene: ShapeScene): Float32Array {
  const placed = scene.map(({ shape, colour, size, cells: [cell] }) => ({
    ...{ shape, colour, radius: shapeSizes[size].radius / 2 },
    ...{ x: cell % 3 === 0 ? 0.25 : 0.75, y: cell < 3 ? 0.25 : 0.75 },
  }))
  const out = new Float32Array(3 * side * side)
  composited(paintShapes(placed, side), [255, 255, 255], out)
  return out
}

type Found = { readonly shape: string; readonly colour: string; readonly size: string; readonly cell: number }

const renderings = kinds.flatMap((shape) =>
  colours.flatMap((colour) =>
    sizes.map((size) => ({ shape, colour, size, pixels: paint([{ shape, colour, size, cells: [0] }]) })),
  ),
)
const half = side / 2

/** What stands in each corner of a picture [3, S, S]: the shape whose rendering is nearest, or none where white is. */
function seen(picture: Float32Array): Found[] {
  return corners.flatMap((cell) => {
    const [left, top] = [cell % 3 === 0 ? 0 : half, cell < 3 ? 0 : half]
    const distance = (pixels?: Float32Array) => {
      let sum = 0
      for (let c = 0; c < 3; c++)
        for (let y = 0; y < half; y++)
          for (let x = 0; x < half; x++) {
            const own = picture[(c * side + top + y) * side + left + x]
            sum += (own - (pixels?.[(c * side + y) * side + x] ?? 1)) ** 2
          }
      return sum
    }
    const far = renderings.map(({ pixels }) => distance(pixels))
    const least = Math.min(...far)
    const { shape, colour, size } = renderings[far.indexOf(least)]
    return least < distance() ? [{ shape, colour, size, cell }] : []
  })
}

/** Share of the pictures [N, 3, S, S] that hold what was wanted, told by some of its attributes. */
function share(pixels: Float32Array, wanted: readonly ShapeScene[], told: (one: Found) => string): number {
  const pair = (list: readonly Found[]) => list.map(told).sort().join()
  const right = wanted.filter((scene, n) => {
    const found = seen(pixels.subarray(n * 3 * side * side, (n + 1) * 3 * side * side))
    return pair(found) === pair(scene.map(({ cells: [cell], ...group }) => ({ ...group, cell })))
  })
  return right.length / wanted.length
}

/** Both shapes have their own colours, and nothing else is there. */
export const rightPairs = (pixels: Float32Array, wanted: readonly ShapeScene[]) =>
  share(pixels, wanted, ({ shape, colour }) => `${colour} ${shape}`)

/** The same with sizes and places. */
export const allRight = (pixels: Float32Array, wanted: readonly ShapeScene[]) =>
  share(pixels, wanted, ({ shape, colour, size, cell }) => `${size} ${colour} ${shape} ${cell}`)
