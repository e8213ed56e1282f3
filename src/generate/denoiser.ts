import { type WanConfig, wanTransformer } from '../models/sora.ts'
import { withPlaces } from '../nn/index.ts'
import type { Arrays, Program, Runtime } from '../runtime/runtime.ts'
import { guidedDenoiser } from './guided-denoiser.ts'

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

/** The velocity of every clip of a batch in one run: `guidedDenoiser` with x [B, C, T, H, W] and `text` [B, L, D]. */
export function denoiser(
  runtime: Runtime,
  { config, weights, shape, dtype = 'fp32' }: DenoiserOptions,
): Promise<Program> {
  const { batch, frames, height, width, textLength, guided, ofFrames } = shape
  return guidedDenoiser(runtime, {
    build(p) {
      const predict = wanTransformer(p, config)
      return (x, t, { text }) => predict(config.inChannels > config.outChannels ? withPlaces(x) : x, t, text)
    },
    weights,
    shape: [batch, config.outChannels, frames, height, width],
    times: ofFrames ? [batch, frames] : undefined,
    told: { text: { shape: [textLength, config.textDim] } },
    guided,
    int8: dtype === 'int8' ? (name) => /^blocks\..*\.weight$/.test(name) : undefined,
  })
}
