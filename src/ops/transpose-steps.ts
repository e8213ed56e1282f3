import { type Shape, size } from '../graph/index.ts'

/** A transposition as the engine is asked for it: the array is seen with `shape`, then its axes are put in order. */
export interface TransposeStep {
  readonly shape: Shape
  readonly perm: readonly number[]
}

/** Arrays below this size are not worth a second step. */
const small = 4096
/** Nanoseconds for each element where axes go into any order, by the elements that stay together. Measured, Zen 5. */
const anyOrderCost = (run: number) => Math.max(4.5 / run, 0.2)
/** The same where two neighbouring groups of axes change places, for which the engine has loops of their own. */
const swapCost = (run: number) => (run === 1 ? 0.6 : run < 8 ? 2.4 : run < 64 ? 1 : 0.3)

/**
 * The cheapest way to a transposition. The engine looks up every element where the last axes take part; but it is four
 * times faster where just one group of axes moves, and any order of axes is a few such moves, each seen as an array
 * [before, one, other, behind]. No step at all means that the elements already lie in order.
 */
export function transposeSteps(shape: Shape, perm: readonly number[]): readonly TransposeStep[] {
  const { labels, sizes } = merged(shape, perm)
  if (isSorted(labels)) return []
  const whole = [{ shape, perm }]
  if (size(shape) < small || movesOneAxis(perm)) return whole
  const run = size(sizes.slice(movedGroups(labels)))
  const limit = anyOrderCost(run) * 0.8 // a gain worth another pass
  return (search({ labels, sizes }, 1, limit) ?? search({ labels, sizes }, 2, limit))?.steps ?? whole
}

/** Groups of axes that stay together, in the order of the array; a label is the place of its group in the result. */
interface Groups {
  readonly labels: readonly number[]
  readonly sizes: readonly number[]
}

/** Axes as groups, without those of size 1. */
function merged(shape: Shape, perm: readonly number[]): Groups {
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

/** Groups up to the last one that is not in its place. */
const movedGroups = (labels: readonly number[]) => labels.findLastIndex((label, i) => label !== i) + 1

const isSorted = (labels: readonly number[]) => labels.every((label, i) => label === i)

/** Whether the order arises from taking one axis out and putting it back elsewhere. */
const movesOneAxis = (perm: readonly number[]): boolean =>
  perm.some((_, axis) => isAscending(perm.filter((other) => other !== axis)))

const isAscending = (list: readonly number[]) => list.every((n, i) => i === 0 || n > list[i - 1])

interface Plan {
  readonly steps: readonly TransposeStep[]
  readonly cost: number
}

/** The cheapest plan below `limit` with at most so many swaps before all else is put in order at once. */
function search({ labels, sizes }: Groups, most: number, limit: number): Plan | undefined {
  if (isSorted(labels)) return { steps: [], cost: 0 }
  const moved = movedGroups(labels)
  const order = labels.map((_, place) => labels.indexOf(place))
  const run = size(sizes.slice(moved))
  const atOnce = movesOneAxis(order) ? swapCost(run) : anyOrderCost(run)
  let best: Plan | undefined = atOnce < limit ? { steps: [{ shape: sizes, perm: order }], cost: atOnce } : undefined
  for (const [i, j, k] of most > 0 ? swaps(moved) : []) {
    const cost = swapCost(size(sizes.slice(k)))
    const room = (best?.cost ?? limit) - cost
    if (room <= 0) continue
    const swapped = <T>(list: readonly T[]) => [
      ...list.slice(0, i),
      ...list.slice(j, k),
      ...list.slice(i, j),
      ...list.slice(k),
    ]
    const rest = search({ labels: swapped(labels), sizes: swapped(sizes) }, most - 1, room)
    if (!rest) continue
    const shape = [sizes.slice(0, i), sizes.slice(i, j), sizes.slice(j, k), sizes.slice(k)].map(size)
    best = { steps: [{ shape, perm: [0, 2, 1, 3] }, ...rest.steps], cost: cost + rest.cost }
  }
  return best
}

/** Neighbouring groups i…j and j…k among the first n. */
function* swaps(n: number): Generator<[number, number, number]> {
  for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) for (let k = j + 1; k <= n; k++) yield [i, j, k]
}
