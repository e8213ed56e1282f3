import type { Tensor } from '../graph/index.ts'
import { type ConvOptions, type ConvTransposeOptions, conv, convTranspose } from '../ops/index.ts'
import { lecunNormal, zeros } from './init.ts'
import type { Init, Params } from './params.ts'

/** Settings of a convolutional layer. */
export interface ConvConfig extends Omit<ConvOptions, 'bias'> {
  readonly kernel?: number | readonly number[] // one size for all axes, or one for each; 3
  readonly bias?: boolean // whether one number is added to each output channel; true
  readonly init?: Init // of the weight
  readonly biasInit?: Init
}

/** Settings of a transposed convolutional layer. */
export type ConvTransposeConfig = ConvConfig & Pick<ConvTransposeOptions, 'outputPadding'>

const kernelOf = (kernel: number | readonly number[], axes: number): readonly number[] =>
  typeof kernel === 'number' ? new Array<number>(axes).fill(kernel) : kernel

function layer(p: Params, channels: readonly [from: number, to: number], config: ConvConfig, axes: number) {
  const { kernel = 3, bias = true, init = lecunNormal, biasInit = zeros, ...options } = config
  const [from, to] = channels
  const weight = p.get('weight', [to, from / (options.groups ?? 1), ...kernelOf(kernel, axes)], init)
  const b = bias ? p.get('bias', [to], biasInit) : undefined
  return p.scoped((x: Tensor): Tensor => conv(x, weight, { ...options, bias: b }))
}

/** Convolution over pictures: x [B, C from, H, W] → [B, C to, H', W'], weight [to, from / groups, kernel, kernel]. */
export const conv2d = (p: Params, from: number, to: number, config: ConvConfig = {}) => layer(p, [from, to], config, 2)

/** Convolution over clips: x [B, C from, T, H, W] → [B, C to, T', H', W']. */
export const conv3d = (p: Params, from: number, to: number, config: ConvConfig = {}) => layer(p, [from, to], config, 3)

/** Transposed convolution over pictures: x [B, C from, H, W] → [B, C to, H', W'], weight [from, to / groups, kernel, kernel]. */
export function convTranspose2d(p: Params, from: number, to: number, config: ConvTransposeConfig = {}) {
  const { kernel = 3, bias = true, init = lecunNormal, biasInit = zeros, ...options } = config
  const weight = p.get('weight', [from, to / (options.groups ?? 1), ...kernelOf(kernel, 2)], init)
  const b = bias ? p.get('bias', [to], biasInit) : undefined
  return p.scoped((x: Tensor): Tensor => convTranspose(x, weight, { ...options, bias: b }))
}
