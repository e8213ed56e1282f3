import { type Shape, ShapeError } from '../graph/index.ts'

/** How a window moves over the spatial axes of x [B, C, ...]: one number for each of them. */
export interface Geometry {
  readonly stride: readonly number[]
  readonly before: readonly number[] // zeros added in front of each axis
  readonly after: readonly number[] // zeros added behind it
  readonly dilation: readonly number[]
}

/** One number for all spatial axes, or one for each. */
export type PerAxis = number | readonly number[]

/** Zeros on both sides of all axes, on both sides of each axis, or [before, after] of each axis. */
export type Padding = number | readonly (number | readonly [number, number])[]

/** How a window moves, as callers say it. */
export interface WindowOptions {
  readonly stride?: PerAxis
  readonly padding?: Padding
  readonly dilation?: PerAxis
}

/** The full geometry of a window over `rank` axes; throws where a list has another length or a number makes no sense. */
export function geometryOf(op: string, rank: number, options: WindowOptions): Geometry {
  const { stride = 1, padding = 0, dilation = 1 } = options
  const pads = typeof padding === 'number' ? new Array<number>(rank).fill(padding) : padding
  const geometry = {
    stride: eachAxis(op, 'stride', stride, rank),
    before: pads.map((p) => (typeof p === 'number' ? p : p[0])),
    after: pads.map((p) => (typeof p === 'number' ? p : p[1])),
    dilation: eachAxis(op, 'dilation', dilation, rank),
  }
  const { before, after } = geometry
  if (pads.length !== rank || [...before, ...after].some((n) => !Number.isInteger(n) || n < 0))
    throw new ShapeError(op, `padding must be a whole number ≥ 0, or one or two for each of ${rank} axes`, {
      before,
      after,
    })
  return geometry
}

/** The list that a number or a list stands for; every entry must be a positive whole number. */
export function eachAxis(op: string, name: string, value: PerAxis, rank: number): readonly number[] {
  const list = typeof value === 'number' ? new Array<number>(rank).fill(value) : value
  if (list.length !== rank || list.some((n) => !Number.isInteger(n) || n < 1))
    throw new ShapeError(op, `${name} must be a positive whole number, or one for each of ${rank} axes`, {
      [name]: value,
    })
  return list
}

/** Number of elements that a kernel reaches over along each axis. */
export const reach = (kernel: Shape, { dilation }: Geometry): number[] =>
  kernel.map((k, i) => dilation[i] * (k - 1) + 1)

/** Number of places where a kernel fits along each axis of x; throws where there is none. */
export function places(op: string, spatial: Shape, kernel: Shape, geometry: Geometry): number[] {
  const { stride, before, after } = geometry
  const reached = reach(kernel, geometry)
  const counts = spatial.map((n, i) => Math.floor((n + before[i] + after[i] - reached[i]) / stride[i]) + 1)
  if (counts.some((n) => n < 1))
    throw new ShapeError(op, 'the kernel must fit into the padded axes of x', {
      spatial,
      kernel,
      padding: before.map((n, i) => n + after[i]),
    })
  return counts
}

/** Whether the windows lie side by side and fill x, without padding: each place of x is in one of them. */
export const tiles = (spatial: Shape, out: Shape, kernel: Shape, { stride, before, after }: Geometry): boolean =>
  kernel.every((k, i) => k === stride[i] && k * out[i] === spatial[i] && before[i] + after[i] === 0)

/** The attributes that ONNX's convolutions and pools share. */
export const windowAttributes = (kernel: Shape, { stride, before, after, dilation }: Geometry) => ({
  kernel_shape: kernel,
  strides: stride,
  pads: [...before, ...after],
  dilations: dilation,
})
