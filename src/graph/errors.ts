import { TubeletError } from '../errors.ts'
import type { Shape } from './shape.ts'

/** Anything an error can show: a tensor by its shape, a shape, or a plain value. */
type Shown = { shape: Shape } | Shape | number | string | boolean

const show = (value: Shown): string => {
  if (typeof value === 'object' && 'shape' in value) return `[${value.shape.join(', ')}]`
  return Array.isArray(value) ? `[${value.join(', ')}]` : String(value)
}

/** A shape, type or argument that does not fit: `op: what must hold (got a [2, 3], b [3, 5])`. */
export class ShapeError extends TubeletError {
  constructor(op: string, must: string, got: Record<string, Shown>) {
    const list = Object.entries(got).map(([name, value]) => `${name} ${show(value)}`)
    super('input', `${op}: ${must} (got ${list.join(', ')})`)
    this.name = 'ShapeError'
  }
}
