import type { Tensor } from '../graph/index.ts'
import type { Params } from '../nn/index.ts'
import { abs, add, exp, mean, mul, reshape, slice, square, sub } from '../ops/index.ts'
import { type VideoVaeConfig, videoDecoder, videoEncoder } from './video-vae.ts'

/** Latents drawn from their distribution (Kingma & Welling 2013, section 2.4): mean + exp(logVariance / 2) · noise. */
const reparameterize = (mu: Tensor, logVariance: Tensor, noise: Tensor): Tensor =>
  add(mu, mul(exp(mul(logVariance, 0.5)), noise))

/** Kullback-Leibler divergence from the standard normal, mean over latents (Kingma & Welling 2013, appendix B). */
const klDivergence = (mu: Tensor, logVariance: Tensor): Tensor =>
  mul(mean(sub(add(square(mu), exp(logVariance)), add(logVariance, 1))), 0.5)

/** Weights of the terms of the autoencoder's loss. */
export interface VideoVaeLoss {
  readonly absolute: number // mean |error|
  readonly squared: number // mean error²
  readonly motion: number // mean |error of the difference between neighbouring frames|
  readonly kl: number
}

/** How far a clip [B, T, C, H, W] is from what it should be, each a mean; `motion` is 0 for one frame. */
function reconstructionTerms(y: Tensor, clipIn: Tensor) {
  const error = sub(y, clipIn)
  const absolute = mean(abs(error))
  const squared = mean(square(error))
  const T = clipIn.shape[1]
  const motion = T > 1 ? mean(abs(sub(slice(error, 1, 1), slice(error, 1, 0, T - 1)))) : mul(absolute, 0)
  return { absolute, squared, motion }
}

/** Reconstruction and prior terms for a clip [B, T, C, H, W] and noise [B, Z, T', H/16, W/16]; `loss` is their weighted sum. */
export function videoVaeLoss(p: Params, config: VideoVaeConfig, weights: VideoVaeLoss) {
  const encode = videoEncoder(p.at('encoder'), config)
  const decode = videoDecoder(p.at('decoder'), config)
  return (clipIn: Tensor, noise: Tensor) => {
    const { mean: mu, logVariance } = encode(clipIn)
    const terms = reconstructionTerms(decode(reparameterize(mu, logVariance, noise)), clipIn)
    const kl = klDivergence(mu, logVariance)
    return { loss: add(weighted(terms, weights), mul(kl, weights.kl)), ...terms, kl }
  }
}

/** Weights of the terms of the decoder's own loss. */
export interface VideoDecoderLoss extends Omit<VideoVaeLoss, 'kl'> {
  readonly amplitude: number // mean |error of how much squares of 8 × 8 pixels change from frame to frame|
}

/**
 * The loss of a decoder alone: latents [B, Z, T', H/16, W/16] and the clip [B, T, C, H, W] that they should become, T at
 * least 2 with an amplitude. Latents that do not tell when something moves make the other terms prefer that it does not;
 * the amplitude counts only where and how much things move in all of the clip (docs/decisions/015).
 */
export function videoDecoderLoss(p: Params, config: VideoVaeConfig) {
  const decode = videoDecoder(p.at('decoder'), config)
  return (z: Tensor, clipIn: Tensor, weights: VideoDecoderLoss) => {
    const y = decode(z)
    const terms = reconstructionTerms(y, clipIn)
    const amplitude = mean(abs(sub(changes(y), changes(clipIn))))
    return { loss: add(weighted(terms, weights), mul(amplitude, weights.amplitude)), ...terms, amplitude }
  }
}

/** Mean |difference| of neighbouring frames in squares of 8 × 8 pixels: [B, T, C, H, W] → [B, C, H/8, W/8]. */
function changes(x: Tensor): Tensor {
  const [B, T, C, H, W] = x.shape
  const difference = abs(sub(slice(x, 1, 1), slice(x, 1, 0, T - 1)))
  return mean(reshape(difference, [B, T - 1, C, H / 8, 8, W / 8, 8]), [1, 4, 6])
}

const weighted = (terms: ReturnType<typeof reconstructionTerms>, weights: Omit<VideoVaeLoss, 'kl'>): Tensor =>
  (['absolute', 'squared', 'motion'] as const).map((name) => mul(terms[name], weights[name])).reduce(add)
