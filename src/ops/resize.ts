import { constant, type Shape, ShapeError, type Tensor } from '../graph/index.ts'
import type { PerAxis } from './conv-geometry.ts'
import { gather } from './gather.ts'
import { matmul } from './matmul.ts'
import { transpose } from './movement.ts'
import { upsample } from './upsample.ts'

/** The wanted size of the spatial axes, by itself or as a factor, and how elements between the known ones are found. */
export interface ResizeOptions {
  readonly size?: PerAxis
  readonly factor?: PerAxis // may be a fraction; the size is then rounded down
  readonly mode?: 'nearest' | 'linear' // linear along each axis: bilinear for pictures; nearest where absent
  readonly alignCorners?: boolean // linear only: the first and last elements keep their places
}

/** Another size for the spatial axes, with PyTorch's `interpolate` as the rule: x [B, C, ...] → [B, C, ...]. */
export function resize(x: Tensor, options: ResizeOptions): Tensor {
  const { mode = 'nearest', alignCorners = false } = options
  const { sizes, steps } = target(x, options)
  if (alignCorners && mode === 'nearest') throw new ShapeError('resize', 'alignCorners needs mode linear', { x, mode })
  const spatial = x.shape.slice(2)
  if (mode === 'nearest' && spatial.every((n, i) => sizes[i] % n === 0 && steps[i] * sizes[i] === n))
    return upsample(
      x,
      spatial.map((n, i) => sizes[i] / n),
    )
  return sizes.reduce((y, size, i) => {
    const n = spatial[i]
    if (mode === 'nearest') return pick(y, i + 2, nearest(n, size, steps[i]))
    const step = alignCorners ? (size > 1 ? (n - 1) / (size - 1) : 0) : steps[i]
    return size === n && step === 1 ? y : mix(y, i + 2, weights(n, size, { step, alignCorners }))
  }, x)
}

/** Wanted sizes, and how far apart in x neighbours of y are. */
function target(x: Tensor, { size, factor }: ResizeOptions) {
  const spatial = x.shape.slice(2)
  const given = size ?? factor
  const list = typeof given === 'number' ? spatial.map(() => given) : given
  if (spatial.length === 0) throw new ShapeError('resize', 'x must be [B, C, ...] with more axes', { x })
  if (!list || (size !== undefined && factor !== undefined) || list.length !== spatial.length)
    throw new ShapeError('resize', 'either size or factor must be given, once or for each spatial axis', { x })
  const sizes = size === undefined ? spatial.map((n, i) => Math.floor(n * list[i])) : list
  if (sizes.some((n) => !Number.isInteger(n) || n < 1))
    throw new ShapeError('resize', 'every new size must be a positive whole number', { x, sizes })
  return { sizes, steps: spatial.map((n, i) => (size === undefined ? 1 / list[i] : n / sizes[i])) }
}

const nearest = (n: number, size: number, step: number): Int32Array =>
  Int32Array.from({ length: size }, (_, i) => Math.min(Math.floor(i * step), n - 1))

const pick = (x: Tensor, axis: number, at: Int32Array): Tensor =>
  at.every((from, i) => from === i) && at.length === x.shape[axis] ? x : gather(x, constant(at, [at.length]), axis)

/** The matrix [size, n] whose rows say how much of each element of x goes into an element of y. */
function weights(n: number, size: number, { step, alignCorners }: { step: number; alignCorners: boolean }): Tensor {
  const matrix = new Float32Array(size * n)
  for (let i = 0; i < size; i++) {
    // Without aligned corners an element is the middle of a cell; outside of the outer middles nothing is extrapolated.
    const at = Math.max(alignCorners ? i * step : (i + 0.5) * step - 0.5, 0)
    const low = Math.min(Math.floor(at), n - 1)
    const high = Math.min(low + 1, n - 1)
    const share = low === high ? 0 : at - low
    matrix[i * n + low] += 1 - share
    matrix[i * n + high] += share
  }
  return constant(matrix, [size, n])
}

/** Each element along an axis as a weighted sum of those of x: one matrix product, whose gradient is another. */
function mix(x: Tensor, axis: number, matrix: Tensor): Tensor {
  const last = x.shape.length - 1
  if (axis === last) return matmul(x, matrix, { transposeB: true })
  if (axis === last - 1) return matmul(matrix, x)
  const order: Shape = x.shape.map((_, i) => (i === axis ? last : i === last ? axis : i))
  return transpose(matmul(transpose(x, order), matrix, { transposeB: true }), order)
}
