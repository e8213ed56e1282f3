import type { Tensor } from '../graph/index.ts'
import { add, clip, gelu, geluTanh, mul, quickGelu, relu, sigmoid, silu, softplus, tanh } from '../ops/index.ts'

const activations = {
  gelu,
  gelu_fast: geluTanh,
  gelu_new: geluTanh,
  gelu_python: gelu,
  gelu_pytorch_tanh: geluTanh,
  hardswish: (x) => mul(x, clip(add(mul(x, 1 / 6), 0.5), 0, 1)),
  linear: (x) => x,
  mish: (x) => mul(x, tanh(softplus(x))),
  quick_gelu: quickGelu,
  relu,
  relu6: (x) => clip(x, 0, 6),
  sigmoid,
  silu,
  swish: silu,
  tanh,
} satisfies Record<string, (x: Tensor) => Tensor>

/** Name of an activation in a published config. */
export type Activation = keyof typeof activations

/** All names, for readers of configs. */
export const activationNames = Object.keys(activations) as Activation[]

/** The activation that a published config names. */
export const activation = (name: Activation): ((x: Tensor) => Tensor) => activations[name]
