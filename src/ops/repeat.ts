import { type Shape, ShapeError, size, type Tensor } from '../graph/index.ts'
import { reshape } from './movement.ts'
import { expand } from './reduce.ts'

/** Each element `times[axis]` times in a row along each axis: [a, b] twice is [a, a, b, b]. */
export function repeat(x: Tensor, times: Shape): Tensor {
  if (times.length !== x.shape.length || times.some((n) => !Number.isInteger(n) || n < 1))
    throw new ShapeError('repeat', 'times must give a positive whole number for each axis of x', { x, times })
  if (size(times) === 1) return x
  const apart = x.shape.flatMap((n, i) => (times[i] > 1 ? [n, 1] : [n]))
  const wide = x.shape.flatMap((n, i) => (times[i] > 1 ? [n, times[i]] : [n]))
  return reshape(
    expand(reshape(x, apart), wide),
    x.shape.map((n, i) => n * times[i]),
  )
}
