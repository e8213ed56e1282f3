import { TubeletError } from '../errors.ts'
import { type Shape, sameShape } from '../graph/index.ts'

/** An array and its shape. */
export interface Shaped {
  readonly data: Float32Array
  readonly shape: Shape
}

/**
 * Throws TubeletError('input') unless `given` holds every wanted array in its shape, and none of a name that is not
 * `known`. `what` names the arrays in the error, which tells the first that does not fit and how many more there are.
 */
export function checkFit(
  what: string,
  given: Readonly<Record<string, Shaped>>,
  { wanted, known }: { wanted: Readonly<Record<string, Shaped>>; known: (name: string) => boolean },
): void {
  const list = (shape: Shape) => `[${shape.join(', ')}]`
  const problems = [
    ...Object.entries(wanted).flatMap(([name, { shape }]) => {
      if (!Object.hasOwn(given, name)) return [`'${name}' ${list(shape)} is missing`]
      const { data, shape: found } = given[name]
      if (!sameShape(found, shape)) return [`'${name}' is ${list(found)} there and ${list(shape)} in the model`]
      return data instanceof Float32Array ? [] : [`'${name}' does not hold 32-bit floats`]
    }),
    ...Object.keys(given).flatMap((name) => (known(name) ? [] : [`'${name}' is not in the model`])),
  ]
  if (problems.length === 0) return
  const more = problems.length > 1 ? `, and ${problems.length - 1} more do not fit` : ''
  throw new TubeletError(
    'input',
    `${what} does not fit the model: ${problems[0] + more}; has the recipe changed since?`,
  )
}
