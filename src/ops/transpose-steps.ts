import { type Shape, size } from '../graph/index.ts'

/** A transposition as the engine is asked for it: the array is seen with `shape`, then its axes are put in order. */
export interface TransposeStep {
  readonly shape: Shape
  readonly perm: readonly number[]
}

/** Elements that move together from which on the engine's general loop copies them fast enough. Measured, Zen 5. */
const longRun = 64
/** Arrays below this size are not worth a second step. */
const small = 4096

/**
 * The engine is fast where one axis moves past others, and where long runs stay together; for anything else it looks up
 * every element: up to 35 times slower. Any order of axes is a few such moves, each seen as neighbouring groups of axes
 * that change places. No step at all means that the elements already lie in order.
 */
export function transposeSteps(shape: Shape, perm: readonly number[]): readonly TransposeStep[] {
  const { labels, sizes } = merged(shape, perm)
  if (isSorted(labels)) return []
  const whole = [{ shape, perm }]
  if (size(shape) < small || movesOneAxis(perm)) return whole
  const steps = shortest(labels, sizes)
  return steps ?? whole
}

/** Axes as groups that stay together, without axes of size 1: `labels[i]` is the place of group i in the result. */
function merged(shape: Shape, perm: readonly number[]) {
  const result = perm.filter((axis) => shape[axis] > 1)
  const axes = [...result].sort((a, b) => a - b)
  const starts = result.filter((axis, i) => i === 0 || axes[axes.indexOf(result[i - 1]) + 1] !== axis)
  const groups = [...starts].sort((a, b) => a - b)
  const sizes = groups.map((from, i) => {
    const inside = axes.filter((axis) => axis >= from && axis < (groups[i + 1] ?? shape.length))
    return size(inside.map((axis) => shape[axis]))
  })
  return { labels: groups.map((axis) => starts.indexOf(axis)), sizes }
}

const isSorted = (labels: readonly number[]) => labels.every((label, i) => label === i)

/** Whether the order arises from taking one axis out and putting it back elsewhere. */
function movesOneAxis(perm: readonly number[]): boolean {
  return perm.some((_, axis) => {
    const rest = perm.filter((other) => other !== axis)
    return rest.every((other, i) => i === 0 || other > rest[i - 1])
  })
}

/** The fewest steps to sort the groups; of those the ones with the longest runs. */
function shortest(labels: readonly number[], sizes: readonly number[]): TransposeStep[] | undefined {
  for (let most = 1; most <= 4; most++) {
    const found = search(labels, sizes, most)
    if (found) return found.steps
  }
  return undefined
}

interface Found {
  readonly steps: TransposeStep[]
  readonly cost: number
}

function search(labels: readonly number[], sizes: readonly number[], most: number): Found | undefined {
  if (isSorted(labels)) return { steps: [], cost: 0 }
  if (most === 0 || breaks(labels) > 3 * most) return undefined
  if (runBehind(labels, sizes, inPlace(labels)) >= longRun) return { steps: [anyOrder(labels, sizes)], cost: 1 }
  let best: Found | undefined
  const n = labels.length - inPlace(labels)
  for (let i = 0; i < n; i++)
    for (let j = i + 1; j < n; j++)
      for (let k = j + 1; k <= n; k++) {
        const swapped = <T>(list: readonly T[]) => [
          ...list.slice(0, i),
          ...list.slice(j, k),
          ...list.slice(i, j),
          ...list.slice(k),
        ]
        const rest = search(swapped(labels), swapped(sizes), most - 1)
        if (!rest) continue
        const run = runBehind(labels, sizes, labels.length - k)
        const cost = rest.cost + (run >= longRun ? 1 : run > 8 ? 1.5 : 2)
        if (best && best.cost <= cost) continue
        const part = (from: number, to: number) => size(sizes.slice(from, to))
        const shape = [part(0, i), part(i, j), part(j, k), part(k, sizes.length)]
        best = { steps: [{ shape, perm: [0, 2, 1, 3] }, ...rest.steps], cost }
      }
  return best
}

/** Neighbours that are none in the result; a swap of two groups mends three at most. */
const breaks = (labels: readonly number[]) =>
  [-1, ...labels].filter((label, i) => (labels[i] ?? labels.length) !== label + 1).length

/** Groups at the end that stay where they are. */
function inPlace(labels: readonly number[]): number {
  const moved = labels.findLastIndex((label, i) => label !== i)
  return labels.length - 1 - moved
}

const runBehind = (labels: readonly number[], sizes: readonly number[], groups: number) =>
  size(sizes.slice(labels.length - groups))

/** All groups sorted at once. */
const anyOrder = (labels: readonly number[], sizes: readonly number[]): TransposeStep => ({
  shape: sizes,
  perm: labels.map((_, place) => labels.indexOf(place)),
})
