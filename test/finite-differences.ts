/** A function of arrays, of which some may be whole numbers. */
export type Loops = (...arrays: (Float32Array | Int32Array)[]) => ArrayLike<number>

/** Where slopes are taken. */
export interface SlopeOptions {
  readonly at: number // which array is moved
  readonly weights: Float32Array // of the outputs, whose weighted sum is differentiated
  readonly uniform: () => number
}

/** The slope of the weighted sum along one direction: pairs of element and share. */
export interface Slope {
  readonly direction: readonly (readonly [element: number, share: number])[]
  readonly slope: number
}

const step = 1 / 32
const allBelow = 128 // elements; larger arrays are checked along some of them and along dense directions
const sampled = 48
const dense = 4

/**
 * Slopes by central differences of fourth order (Fornberg 1988, table 1): along each element of a small array; along
 * 48 elements and 4 dense directions of a large one.
 */
export function slopes(loops: Loops, arrays: readonly (Float32Array | Int32Array)[], options: SlopeOptions): Slope[] {
  const { at, weights, uniform } = options
  const from = arrays[at]
  const value = (direction: Slope['direction'], length: number) => {
    const moved = from.slice()
    for (const [j, share] of direction) moved[j] += length * share
    const y = loops(...arrays.map((array, i) => (i === at ? moved : array)))
    return weights.reduce((total, w, i) => total + w * y[i], 0)
  }
  return directions(from.length, uniform).map((direction) => {
    const near = value(direction, step) - value(direction, -step)
    const far = value(direction, 2 * step) - value(direction, -2 * step)
    return { direction, slope: (8 * near - far) / (12 * step) }
  })
}

function directions(length: number, uniform: () => number): Slope['direction'][] {
  const all = [...new Array(length).keys()]
  if (length <= allBelow) return all.map((j) => [[j, 1]])
  const some = Array.from({ length: sampled }, () => [[Math.floor(uniform() * length), 1]] as const)
  const norm = Math.sqrt(length / 3) // of uniform numbers in [−1, 1)
  return [...some, ...Array.from({ length: dense }, () => all.map((j) => [j, (2 * uniform() - 1) / norm] as const))]
}
