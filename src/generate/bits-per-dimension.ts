import type { DDPMConfig } from '../diffusion/ddpm.ts'
import { boundBits, priorBits } from '../diffusion/likelihood.ts'
import { alphaBars } from '../diffusion/schedule.ts'
import { TubeletError } from '../errors.ts'
import { input, type Shape, type Tensor } from '../graph/index.ts'
import { type Params, params } from '../nn/index.ts'
import { stream } from '../random.ts'
import type { Arrays, Runtime } from '../runtime/runtime.ts'

/** A denoising diffusion model, and how its likelihood is bounded. */
export interface BitsOptions {
  /** Declares the parameters under the names of `weights`. */
  readonly build: (p: Params) => (xt: Tensor, t: Tensor) => Tensor
  readonly weights: Arrays
  readonly config: DDPMConfig
  readonly shape: Shape // of a batch, [B, C, ...]
  /** 'bins' for pictures of 256 levels in [−1, 1], 'density' for continuous data. */
  readonly decoder: 'bins' | 'density'
  readonly seed: number
  readonly signal?: AbortSignal
}

/** An upper bound of −log₂ p(x0), in bits per dimension, and its parts (Ho et al. 2020, equation 5). */
export interface Bits {
  readonly total: number
  readonly prior: number // L_T
  readonly steps: Float64Array // [T], from L_0 on
}

/** The variational bound over samples x0 [N, C, ...], whose every step is computed once for each batch. */
export async function bitsPerDimension(runtime: Runtime, x0: Float32Array, options: BitsOptions): Promise<Bits> {
  const { build, weights, config, shape, decoder, seed, signal } = options
  const [batch] = shape
  const size = shape.reduce((a, b) => a * b)
  const batches = x0.length / size
  if (!(Number.isInteger(batches) && batches > 0))
    throw new TubeletError('usage', `bitsPerDimension: x0 must be some batches of [${shape.join(', ')}]`)
  const inputs = { x0: input('x0', shape), eps: input('eps', shape), t: input('t', [batch], 'int32') }
  const program = await runtime.load(
    { bits: boundBits(build(params()), inputs, { config, decoder }) },
    { constants: weights },
  )
  const steps = new Float64Array(alphaBars(config).length)
  let prior = 0
  try {
    for (let k = 0; k < batches; k++) {
      const rows = x0.subarray(k * size, (k + 1) * size)
      prior += mean(priorBits(rows, config, batch)) / batches
      for (let t = 0; t < steps.length; t++) {
        if (signal?.aborted) throw new TubeletError('stopped', 'stopped while the bound was computed')
        const eps = stream({ seed, purpose: 'noise of the bound', step: t, sample: k }).normal(size)
        const { bits } = await program.run({ x0: rows, eps, t: new Int32Array(batch).fill(t) })
        steps[t] += mean(bits as Float32Array) / batches
      }
    }
  } finally {
    await program.release()
  }
  return { total: prior + steps.reduce((a, b) => a + b), prior, steps }
}

const mean = (values: Float32Array | Float64Array): number => {
  let sum = 0
  for (const value of values) sum += value
  return sum / values.length
}
