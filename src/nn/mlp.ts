import type { Tensor } from '../graph/index.ts'
import { geluTanh } from '../ops/index.ts'
import { type LinearOptions, linear } from './linear.ts'
import type { Params } from './params.ts'

/** Settings of a feed-forward network. */
export interface MlpConfig {
  readonly width: number // D, in and out
  readonly hidden: number // width of the hidden layer
  readonly activation?: (x: Tensor) => Tensor
  readonly names?: readonly [string, string] // of the two layers in the checkpoint
  readonly init?: LinearOptions['init']
  readonly outInit?: LinearOptions['init']
}

/** Two linear layers with an activation between (Vaswani et al. 2017, section 3.3): x [..., D] → [..., D]. */
export function mlp(p: Params, config: MlpConfig) {
  const { width, hidden, activation = geluTanh, names = ['net.0.proj', 'net.2'], init, outInit = init } = config
  const first = linear(p.at(names[0]), width, hidden, { init })
  const second = linear(p.at(names[1]), hidden, width, { init: outInit })
  return p.scoped((x: Tensor): Tensor => second(activation(first(x))))
}
