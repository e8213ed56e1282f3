import { ShapeError, type Tensor } from '../graph/index.ts'
import { reshape, transpose } from './movement.ts'

/** 'B (h d) N' → [['B'], ['h', 'd'], ['N']] */
function parse(side: string): string[][] {
  const groups: string[][] = []
  for (const [, inside, name] of side.matchAll(/\(([^)]*)\)|(\S+)/g))
    groups.push(name ? [name] : inside.trim().split(/\s+/))
  return groups
}

/**
 * Axes split, reordered and merged by name, in the notation of einops: `rearrange(x, 'B N (h d) -> B h N d', { h: 4 })`.
 * Of the names inside one bracket on the left, all but one need a size. The name 1 stands for an axis of size 1.
 */
export function rearrange(x: Tensor, pattern: string, sizes: Record<string, number> = {}): Tensor {
  const [left, right] = pattern.split('->').map(parse)
  if (!right || left.length !== x.shape.length)
    throw new ShapeError('rearrange', `'${pattern}' must name each axis of x on its left`, { x })
  const known: Record<string, number> = { ...sizes, 1: 1 }
  left.forEach((names, axis) => {
    const unknown = names.filter((name) => known[name] === undefined)
    const rest = names.reduce((product, name) => product * (known[name] ?? 1), 1)
    if (unknown.length > 1) throw new ShapeError('rearrange', `'${pattern}' needs the size of ${unknown[0]}`, { x })
    if (unknown.length === 1) known[unknown[0]] = x.shape[axis] / rest
    if (unknown.length === 1 ? x.shape[axis] % rest !== 0 : rest !== x.shape[axis])
      throw new ShapeError('rearrange', `'${pattern}' does not fit axis ${axis}`, { x, ...sizes })
  })
  const from = left.flat().filter((name) => name !== '1')
  const to = right.flat().filter((name) => name !== '1')
  if (from.length !== to.length || new Set(to).size !== to.length || to.some((name) => !from.includes(name)))
    throw new ShapeError('rearrange', `'${pattern}' must hold the same names on both sides, each once`, { x })
  const apart = reshape(
    x,
    from.map((name) => known[name]),
  )
  const moved = transpose(
    apart,
    to.map((name) => from.indexOf(name)),
  )
  return reshape(
    moved,
    right.map((names) => names.reduce((product, name) => product * known[name], 1)),
  )
}
