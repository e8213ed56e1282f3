import { type Shape, size } from '../graph/index.ts'
import type { Init } from './params.ts'

/** All zero. */
export const zeros: Init = (shape) => new Float32Array(size(shape))

/** All one. */
export const ones: Init = (shape) => new Float32Array(size(shape)).fill(1)

/** One value everywhere. */
export const filled =
  (value: number): Init =>
  (shape) =>
    new Float32Array(size(shape)).fill(value)

/** Normal with mean 0. */
export const normal =
  (std: number): Init =>
  (shape, random) =>
    random.normal(size(shape)).map((z) => z * std)

/** Uniform in ±bound. */
export const uniform =
  (bound: number): Init =>
  (shape, random) =>
    random.uniform(size(shape)).map((u) => (2 * u - 1) * bound)

/** Number of inputs of one output: weights are [out, in] or [out, in, ...kernel]. */
export const fanIn = (shape: Shape): number => size(shape.slice(1))

/** Uniform with the bound √(6 / (fan in + fan out)) (Glorot & Bengio 2010, equation 16). */
export const xavierUniform: Init = (shape, random) =>
  uniform(Math.sqrt(6 / (fanIn(shape) + shape[0] * size(shape.slice(2)))))(shape, random)

/** Normal with variance 1 / fan in (LeCun et al. 1998, section 4.6). */
export const lecunNormal: Init = (shape, random) => normal(1 / Math.sqrt(fanIn(shape)))(shape, random)

/** Normal with variance 2 / fan in, for layers before a ReLU (He et al. 2015, equation 10). */
export const heNormal: Init = (shape, random) => normal(Math.sqrt(2 / fanIn(shape)))(shape, random)
