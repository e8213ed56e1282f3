import { ShapeError, scalar, type Tensor } from '../graph/index.ts'
import { conv2d, type Params, uniform } from '../nn/index.ts'
import {
  add,
  argmax,
  detach,
  exp,
  expand,
  gather,
  log,
  matmul,
  mean,
  mul,
  reshape,
  scatterAdd,
  square,
  sub,
  sum,
  transpose,
} from '../ops/index.ts'
import { configFields } from './config-fields.ts'
import { type AutoencoderConfig, autoencoderConfig, pictureDecoder, pictureEncoder } from './vae.ts'

/**
 * Autoencoder whose latents are entries of a learned codebook (van den Oord et al. 2017, arXiv:1711.00937; VQ-reg. of
 * Rombach et al. 2022, section 3.1), class VQModel of diffusers.
 */
export interface VqVaeConfig extends AutoencoderConfig {
  readonly codes: number // K, entries of the codebook
  readonly codeWidth: number // D, numbers in each
}

/** Latents with the nearest entry of the codebook for each. */
export interface Quantized {
  readonly codes: Tensor // [B, D, H, W], the entries; no gradient flows to the latents
  readonly through: Tensor // the same, but its gradient goes to the latents as if they had not been replaced
  readonly ids: Tensor // int32 [B, H, W], 0…K − 1
}

/** Nearest entry of a codebook [K, D] for z [B, D, H, W] (equations 1 and 2), with the straight-through gradient. */
export function quantize(codebook: Tensor, z: Tensor): Quantized {
  const [K, D] = codebook.shape
  if (z.shape.length !== 4 || z.shape[1] !== D) throw new ShapeError('vq', `z must be [B, ${D}, H, W]`, { z })
  const [B, , H, W] = z.shape
  const rows = reshape(transpose(z, [0, 2, 3, 1]), [-1, D])
  // |z − e|² = |z|² − 2 z·e + |e|², and |z|² is the same for every e.
  const lengths = reshape(sum(square(codebook), 1), [1, K])
  const ids = argmax(sub(mul(matmul(rows, codebook, { transposeB: true }), 2), lengths)) // [B H W]
  const codes = transpose(reshape(gather(codebook, ids), [B, H, W, D]), [0, 3, 1, 2])
  return { codes, through: add(z, detach(sub(codes, z))), ids: reshape(ids, [B, H, W]) }
}

/** Encoder, codebook and decoder. */
export function vqVae(p: Params, config: VqVaeConfig) {
  const { latentChannels: Z, codes: K, codeWidth: D } = config
  const encoder = pictureEncoder(p.at('encoder'), config, Z)
  const decoder = pictureDecoder(p.at('decoder'), config)
  const narrow = conv2d(p.at('quant_conv'), Z, D, { kernel: 1 })
  const codebook = p.at('quantize').get('embedding.weight', [K, D], uniform(1 / K))
  const open = conv2d(p.at('post_quant_conv'), D, Z, { kernel: 1 })
  return {
    /** x [B, C, H, W] → latents [B, D, H / f, W / f], not yet from the codebook. */
    encode: (x: Tensor): Tensor => narrow(encoder(x)),
    quantize: (z: Tensor): Quantized => quantize(codebook, z),
    /** Entries [B, D, H / f, W / f] → [B, C, H, W]. */
    decode: (codes: Tensor): Tensor => decoder(open(codes)),
  }
}

/**
 * What is added to the error of the picture: |sg[z] − e|² + commitment · |z − sg[e]|², mean over all numbers (equation
 * 3). The codebook moves to the latents, and the latents stay near the codebook. Diffusers' default weighs the first term
 * by 0.25 instead, a mistake that it keeps for old weights.
 */
export function codebookLoss(z: Tensor, { codes }: Pick<Quantized, 'codes'>, commitment = 0.25): Tensor {
  const moved = mean(square(sub(detach(z), codes)))
  return add(moved, mul(mean(square(sub(z, detach(codes)))), commitment))
}

/** How many of K entries are in use: e to the entropy of their shares in ids, from 1 to K. */
export function perplexity(ids: Tensor, K: number): Tensor {
  const flat = reshape(ids, [-1])
  const [N] = flat.shape
  const shares = scatterAdd(expand(scalar(0), [K]), flat, expand(scalar(1 / N), [N]))
  return exp(mul(sum(mul(shares, log(add(shares, 1e-10)))), -1))
}

/** Reads the `config.json` of a VQModel. */
export function vqVaeConfig(json: unknown): VqVaeConfig {
  const c = configFields('VQModel', json)
  c.only('norm_type', 'group')
  const shared = autoencoderConfig(c, { latentChannels: 3 })
  return {
    ...shared,
    codes: c.count('num_vq_embeddings', 256),
    codeWidth: c.count('vq_embed_dim', shared.latentChannels),
  }
}
