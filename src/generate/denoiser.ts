import { input, type Tensor } from '../graph/index.ts'
import { type WanConfig, wanTransformer } from '../models/sora.ts'
import { params, withPlaces } from '../nn/index.ts'
import { add, chunk, concat, mul, sub } from '../ops/index.ts'
import type { Arrays, Program, Runtime } from '../runtime/runtime.ts'

/** Sizes that a denoising program is built for. */
export interface DenoiserShape {
  readonly batch: number // clips drawn together
  readonly frames: number // of the latents
  readonly height: number
  readonly width: number
  readonly textLength: number // L, tokens of a prompt
  readonly guided: boolean // whether each step also asks for the clip of the negative prompt
  readonly ofFrames?: boolean // whether each frame has a time of its own, `t` [B, T]
}

/** A transformer and how to run it. */
interface DenoiserOptions {
  readonly config: WanConfig
  readonly weights: Arrays
  readonly shape: DenoiserShape
  readonly dtype?: 'fp32' | 'int8' // of the matrices of the blocks
}

/**
 * The velocity of every clip of a batch in one run: inputs `x` [B, C, T, H, W], `t` [B], `text` [B, L, D] (2B rows where
 * guided: prompts, then negative prompts) and `guidance`; output `v`. Guidance is equation 6 of Ho & Salimans 2022,
 * v = v(negative) + guidance · (v(prompt) − v(negative)), computed where the two halves of the batch are at hand.
 */
export async function denoiser(
  runtime: Runtime,
  { config, weights, shape, dtype = 'fp32' }: DenoiserOptions,
): Promise<Program> {
  const { batch, frames, height, width, textLength, guided, ofFrames } = shape
  const rows = guided ? 2 * batch : batch
  const predict = wanTransformer(params(), config)
  const x = input('x', [batch, config.outChannels, frames, height, width])
  const placed = config.inChannels > config.outChannels ? withPlaces(x) : x
  const t = input('t', ofFrames ? [batch, frames] : [batch])
  const text = input('text', [rows, textLength, config.textDim])
  const twice = (one: Tensor) => (guided ? concat([one, one], 0) : one)
  const both = predict(twice(placed), twice(t), text)
  const int8 = dtype === 'int8' ? (name: string) => /^blocks\..*\.weight$/.test(name) : undefined
  const options = { constants: weights, int8 }
  if (!guided) return runtime.load({ v: both }, options)
  const [prompted, negative] = chunk(both, 2, 0)
  return runtime.load({ v: add(negative, mul(input('guidance', []), sub(prompted, negative))) }, options)
}
