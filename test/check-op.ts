import { input, size, type Tensor } from '../src/graph/index.ts'
import type { Arrays } from '../src/onnx/index.ts'
import { mul, sum } from '../src/ops/index.ts'
import { grad } from '../src/transform/grad.ts'
import { assertClose } from './close.ts'
import { devices, type TestDevice } from './devices.ts'
import { type ArrayOf, drawn, generator, type InputSpec, isWhole, onGrid, shapeOf } from './draw.ts'
import { type Loops, type Slope, slopes } from './finite-differences.ts'
import { assertNoCpuOp } from './webgpu-ops.ts'

/** Settings of a check. */
export interface CheckOptions {
  readonly seed?: number
  readonly gradient?: boolean // whether the gradients of float inputs are checked too; true
  readonly tolerance?: number // of the values: |got − want| ≤ tolerance · (1 + |want|); 1e-5
}

/** How far a gradient may be from the finite differences: |got − want| ≤ this · (1 + |want|). */
const gradientTolerance = 1e-3

/**
 * Checks an op on every device present: values against plain loops, and the gradient of each float input, through a
 * weighted sum of the output, against finite differences of the same loops.
 */
export async function checkOp<const S extends readonly InputSpec[]>(
  fn: (...xs: Tensor[]) => Tensor,
  inputs: S,
  loops: (...arrays: { [K in keyof S]: ArrayOf<S[K]> }) => ArrayLike<number>,
  { seed = 1, gradient = true, tolerance = 1e-5 }: CheckOptions = {},
): Promise<void> {
  const uniform = generator(seed)
  const arrays = inputs.map((spec) => drawn(spec, uniform))
  const xs = inputs.map((spec, i) => input(`x${i}`, shapeOf(spec), isWhole(spec) ? 'int32' : 'float32'))
  const y = fn(...xs)
  const want = (loops as unknown as Loops)(...arrays)
  const weights = Float32Array.from({ length: size(y.shape) }, () => onGrid(uniform()))

  const floats = gradient ? inputs.flatMap((spec, i) => (isWhole(spec) ? [] : [i])) : []
  const dxs = gradient
    ? grad(
        sum(mul(y, input('weights', y.shape))),
        floats.map((i) => xs[i]),
      )
    : []
  const found = floats.map((at) => slopes(loops as unknown as Loops, arrays, { at, weights, uniform }))

  const outputs = { y, ...Object.fromEntries(dxs.map((dx, k) => [`dx${floats[k]}`, dx])) }
  const feeds: Arrays = { weights, ...Object.fromEntries(arrays.map((array, i) => [`x${i}`, array])) }
  assertNoCpuOp(outputs)
  const results = await Promise.all(devices.map((device) => evaluateOn(device, outputs, feeds)))
  devices.forEach((device, d) => {
    const label = `seed ${seed}, ${device.name}`
    assertClose(results[d].y, want, tolerance, label)
    floats.forEach((i, k) => {
      const slope = found[k].map((one) => one.slope)
      assertClose(along(results[d][`dx${i}`], found[k]), slope, gradientTolerance, `gradient of input ${i}, ${label}`)
    })
  })
}

async function evaluateOn(device: TestDevice, outputs: Record<string, Tensor>, feeds: Arrays): Promise<Arrays> {
  try {
    return await device.evaluate(outputs, feeds)
  } catch (error) {
    throw new Error(`${device.name}: ${(error as Error).message}`, { cause: error })
  }
}

/** The slopes that a gradient promises along the same directions. */
const along = (dx: ArrayLike<number>, found: readonly Slope[]) =>
  found.map(({ direction }) => direction.reduce((total, [j, share]) => total + dx[j] * share, 0))
