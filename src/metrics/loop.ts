import { amplitude } from './motion.ts'

/** How a loop closes. */
export interface Closure {
  readonly last: number // change from the last frame to the first
  readonly others: number // mean of the other neighbouring changes
  readonly closed: boolean // the last change is no larger than the largest other one
}

/** Compares the step from the last frame to the first with the other steps of a loop: changes [T] of `frameChanges`. */
export function closure(changes: Float64Array): Closure {
  if (changes.length < 2) return { last: 0, others: 0, closed: true } // a still
  const last = changes[changes.length - 1]
  return { last, others: amplitude(changes), closed: last <= Math.max(...changes.subarray(0, -1)) }
}
