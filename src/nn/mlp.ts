import type { Tensor } from '../graph/index.ts'
import { chunk, geluTanh, mul } from '../ops/index.ts'
import { type LinearOptions, linear } from './linear.ts'
import type { Params } from './params.ts'

/** Settings of a feed-forward network. */
export interface MlpConfig {
  readonly width: number // D, out, and in where `from` is absent
  readonly from?: number // width of the input
  readonly hidden: number // width of the hidden layer
  readonly activation?: (x: Tensor) => Tensor
  readonly gated?: boolean // the first layer also gives values, which the activation of the rest lets through (Shazeer 2020)
  readonly names?: readonly [string, string] // of the two layers in the checkpoint
  readonly init?: LinearOptions['init']
  readonly outInit?: LinearOptions['init']
}

const diffusersNames = ['net.0.proj', 'net.2'] as const

/** Two linear layers with an activation between (Vaswani et al. 2017, section 3.3): x [..., D in] → [..., D]. */
export function mlp(p: Params, config: MlpConfig) {
  const { width, from = width, hidden, activation = geluTanh, gated = false } = config
  const { names = diffusersNames, init, outInit = init } = config
  const first = linear(p.at(names[0]), from, gated ? 2 * hidden : hidden, { init })
  const second = linear(p.at(names[1]), hidden, width, { init: outInit })
  return p.scoped((x: Tensor): Tensor => {
    if (!gated) return second(activation(first(x)))
    const [values, gates] = chunk(first(x), 2)
    return second(mul(values, activation(gates)))
  })
}
