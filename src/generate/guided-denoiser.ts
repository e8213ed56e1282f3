import { type DType, input, type Shape, type Tensor } from '../graph/index.ts'
import { type Params, params } from '../nn/index.ts'
import { add, chunk, concat, mul, sub } from '../ops/index.ts'
import type { Arrays, LoadOptions, Program, Runtime } from '../runtime/runtime.ts'

/** A denoising network, whatever it is made of: xt [B, C, ...], t [B] and what it is told beside them → [B, C, ...]. */
export type Denoiser = (x: Tensor, t: Tensor, told: Readonly<Record<string, Tensor>>) => Tensor

/** A network and how to run it. */
export interface GuidedDenoiserOptions extends Pick<LoadOptions, 'int8'> {
  /** Declares the parameters under the names of `weights`. */
  readonly build: (p: Params) => Denoiser
  readonly weights: Arrays
  readonly shape: Shape // of x, [B, C, ...]
  readonly times?: Shape // of t; [B]
  /** What the network is told, such as labels or text states: the shape of one sample's, without B. */
  readonly told: Readonly<Record<string, { readonly shape: Shape; readonly dtype?: DType }>>
  readonly guided: boolean // whether each run also asks for what is told in the second half of the rows
}

/**
 * What a network says of a whole batch in one run: inputs `x` [B, C, ...], `t` [B], each of `told` [B, ...] (2B rows where
 * guided: what is wanted, then what it is guided away from) and `guidance`; output `v`. Guidance is equation 6 of Ho &
 * Salimans 2022 with guidance = 1 + w, v = v(unwanted) + guidance · (v(wanted) − v(unwanted)), computed where both halves are at hand.
 */
export function guidedDenoiser(runtime: Runtime, options: GuidedDenoiserOptions): Promise<Program> {
  const { build, weights, shape, times = [shape[0]], guided, int8 } = options
  const rows = guided ? 2 * shape[0] : shape[0]
  const [x, t] = [input('x', shape), input('t', times)]
  const told = Object.entries(options.told).map(
    ([name, one]) => [name, input(name, [rows, ...one.shape], one.dtype)] as const,
  )
  const twice = (one: Tensor) => (guided ? concat([one, one], 0) : one)
  const both = build(params())(twice(x), twice(t), Object.fromEntries(told))
  const load = { constants: weights, int8 }
  if (!guided) return runtime.load({ v: both }, load)
  const [wanted, unwanted] = chunk(both, 2, 0)
  return runtime.load({ v: add(unwanted, mul(input('guidance', []), sub(wanted, unwanted))) }, load)
}
