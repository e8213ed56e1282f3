import { ShapeError, type Tensor } from '../graph/index.ts'
import { conv2d, groupNorm, type Params } from '../nn/index.ts'
import { abs, add, chunk, clip, exp, mul, silu, square, sub, sum } from '../ops/index.ts'
import { type Activation, activationNames } from './activation.ts'
import { type ConfigFields, configFields } from './config-fields.ts'
import { downsample, middle, pixelAttention, residual, upsample } from './unet-blocks.ts'

/** Encoder and decoder of latent diffusion (Rombach et al. 2022, arXiv:2112.10752), whatever lies between them. */
export interface AutoencoderConfig {
  readonly channels: number // of the picture
  readonly outChannels: number
  readonly latentChannels: number // Z
  readonly widths: readonly number[] // channels at the whole size, half of it, and so on
  readonly encoderAttention: readonly boolean[] // whether the blocks of a level are followed by attention
  readonly decoderAttention: readonly boolean[] // the same, from the smallest size to the whole one
  readonly depth: number // residual blocks of each level; the decoder has one more
  readonly groups: number // of the group norms
  readonly activation: Activation
  readonly middleAttention: boolean
  readonly latentScale: number // what a diffusion model sees is (z − shift) · scale
}

/**
 * Autoencoder of latent diffusion, regularised towards a normal prior (Rombach et al. 2022, section 3.1; Kingma &
 * Welling 2013), class AutoencoderKL of diffusers.
 */
export interface VaeConfig extends AutoencoderConfig {
  readonly quantConv: boolean // 1 × 1 convolution behind the encoder
  readonly postQuantConv: boolean // 1 × 1 convolution before the decoder
  readonly latentShift: number
  /** Statistics of each channel of z [Z], which stand in the place of the shift: a model sees (z − mean) / std · scale. */
  readonly latents?: { readonly mean: readonly number[]; readonly std: readonly number[] }
}

const published = {
  channels: 3,
  outChannels: 3,
  depth: 2,
  groups: 32,
  activation: 'silu',
  middleAttention: true,
  quantConv: true,
  postQuantConv: true,
  latentShift: 0,
} as const
const plain = { encoderAttention: [false, false, false, false], decoderAttention: [false, false, false, false] }

/** Table 8 of Rombach et al. 2022 (f = 8, KL), as in Stable Diffusion 1 and 2. */
export const vaeSizes = {
  'KL-f8': { ...published, ...plain, latentChannels: 4, widths: [128, 256, 512, 512], latentScale: 0.18215 },
} satisfies Record<string, VaeConfig>

const eps = 1e-6 // of all norms

/** Pictures → latents or what describes them: x [B, C, H, W] → [B, C out, H / f, W / f]. */
export function pictureEncoder(p: Params, config: AutoencoderConfig, outChannels: number) {
  const { channels, widths, depth, groups } = config
  const style = { groups, eps, activation: config.activation }
  const steps: ((x: Tensor) => Tensor)[] = [conv2d(p.at('conv_in'), channels, widths[0], { padding: 1 })]
  widths.forEach((to, level) => {
    const at = p.at(`down_blocks.${level}`)
    for (let i = 0; i < depth; i++) {
      const from = i > 0 ? to : widths[Math.max(level - 1, 0)]
      steps.push(residual(at.at(`resnets.${i}`), { ...style, from, to }))
      if (config.encoderAttention[level])
        steps.push(pixelAttention(at.at(`attentions.${i}`), { channels: to, headWidth: to, groups, eps }))
    }
    if (level < widths.length - 1) steps.push(downsample(at.at('downsamplers.0'), to, 0))
  })
  const last = widths.at(-1)!
  steps.push(middleOf(p, config, last), finish(p, last, outChannels, groups))
  return p.scoped((x: Tensor): Tensor => {
    if (x.shape.length !== 4 || x.shape[1] !== channels)
      throw new ShapeError('vae', `x must be [B, ${channels}, H, W]`, { x })
    return steps.reduce((y, step) => step(y), x)
  })
}

/** Latents → pictures: z [B, Z, H / f, W / f] → [B, C, H, W]. */
export function pictureDecoder(p: Params, config: AutoencoderConfig) {
  const { outChannels, depth, groups, latentChannels } = config
  const widths = [...config.widths].reverse()
  const style = { groups, eps, activation: config.activation }
  const steps: ((x: Tensor) => Tensor)[] = [conv2d(p.at('conv_in'), latentChannels, widths[0], { padding: 1 })]
  steps.push(middleOf(p, config, widths[0]))
  widths.forEach((to, level) => {
    const at = p.at(`up_blocks.${level}`)
    for (let i = 0; i <= depth; i++) {
      const from = i > 0 ? to : widths[Math.max(level - 1, 0)]
      steps.push(residual(at.at(`resnets.${i}`), { ...style, from, to }))
      if (config.decoderAttention[level])
        steps.push(pixelAttention(at.at(`attentions.${i}`), { channels: to, headWidth: to, groups, eps }))
    }
    if (level < widths.length - 1) steps.push(upsample(at.at('upsamplers.0'), to))
  })
  steps.push(finish(p, widths.at(-1)!, outChannels, groups))
  return p.scoped((z: Tensor): Tensor => steps.reduce((y, step) => step(y), z))
}

function middleOf(p: Params, { groups, activation, middleAttention }: AutoencoderConfig, channels: number) {
  const headWidth = middleAttention ? channels : undefined
  return middle(p.at('mid_block'), { channels, headWidth, attentionGroups: groups, groups, eps, activation })
}

function finish(p: Params, from: number, to: number, groups: number) {
  const norm = groupNorm(p.at('conv_norm_out'), from, { groups, eps })
  const conv = conv2d(p.at('conv_out'), from, to, { padding: 1 })
  return (x: Tensor): Tensor => conv(silu(norm(x)))
}

/** A normal distribution of latents. */
export interface Posterior {
  readonly mean: Tensor // [B, Z, ...]
  readonly logvar: Tensor // [B, Z, ...], between −30 and 20
}

/** Mean and log variance from the channels [B, 2Z, ...] of an encoder. */
export function posteriorOf(moments: Tensor): Posterior {
  const [mean, logvar] = chunk(moments, 2, 1)
  return { mean, logvar: clip(logvar, -30, 20) }
}

/** A draw from the distribution, given normal noise of its shape (the reparametrisation of Kingma & Welling 2013). */
export const drawLatent = ({ mean, logvar }: Posterior, noise: Tensor): Tensor =>
  add(mean, mul(exp(mul(logvar, 0.5)), noise))

/** Both halves. */
export function vae(p: Params, config: VaeConfig) {
  const Z = config.latentChannels
  const encoder = pictureEncoder(p.at('encoder'), config, 2 * Z)
  const decoder = pictureDecoder(p.at('decoder'), config)
  const same = (x: Tensor) => x
  const quantize = config.quantConv ? conv2d(p.at('quant_conv'), 2 * Z, 2 * Z, { kernel: 1 }) : same
  const open = config.postQuantConv ? conv2d(p.at('post_quant_conv'), Z, Z, { kernel: 1 }) : same
  return {
    encode: (x: Tensor): Posterior => posteriorOf(quantize(encoder(x))),
    decode(z: Tensor): Tensor {
      if (z.shape.length !== 4 || z.shape[1] !== Z) throw new ShapeError('vae', `z must be [B, ${Z}, H, W]`, { z })
      return decoder(open(z))
    },
  }
}

/**
 * The loss without its perceptual and adversarial parts (Rombach et al. 2022, appendix G): the error plus `weight` times
 * the divergence from the prior, both summed over a picture, per picture. The error of a number is its difference's
 * absolute value, or its square, that of a normal distribution (Kingma & Welling 2013, appendix C.2): pictures that are
 * blank but for a little of them teach a small network only by the square, as blank paper has nearly the least absolute error.
 */
export function vaeLoss(
  x: Tensor,
  decoded: Tensor,
  posterior: Posterior,
  { weight = 1e-6, error = abs }: { weight?: number; error?: (difference: Tensor) => Tensor } = {},
): Tensor {
  return mul(add(sum(error(sub(x, decoded))), mul(klOf(posterior), weight)), 1 / x.shape[0])
}

/**
 * Divergence of each latent from the standard normal distribution in nats, ½ (μ² + σ² − 1 − ln σ²): [B, Z, ...]. Its sum
 * over a picture is what the picture costs, its mean over pictures what each latent tells (Kingma & Welling 2013,
 * appendix B).
 */
export const klPerLatent = ({ mean, logvar }: Posterior): Tensor =>
  mul(sub(add(square(mean), exp(logvar)), add(logvar, 1)), 0.5)

/** Divergence over all latents of the batch: a scalar. */
export const klOf = (posterior: Posterior): Tensor => sum(klPerLatent(posterior))

/** Reads the `config.json` of an AutoencoderKL. */
export function vaeConfig(json: unknown): VaeConfig {
  const c = configFields('AutoencoderKL', json)
  const shared = autoencoderConfig(c, { latentChannels: 4 })
  const perChannel = (name: string) => {
    const list = c.numbers(name)
    if (list.length !== shared.latentChannels) throw c.wrong(name, `a list of ${shared.latentChannels} numbers`)
    return list
  }
  return {
    ...shared,
    quantConv: c.flag('use_quant_conv', true),
    postQuantConv: c.flag('use_post_quant_conv', true),
    latentShift: c.number('shift_factor', 0),
    latents:
      c.raw('latents_mean') && c.raw('latents_std')
        ? { mean: perChannel('latents_mean'), std: perChannel('latents_std') }
        : undefined,
  }
}

/** Shift and scale of each channel of z [Z]: what a diffusion model sees is (z − shift) · scale. */
export function latentScaling({ latentChannels, latentShift, latentScale, latents }: VaeConfig) {
  const each = (value: number) => new Array<number>(latentChannels).fill(value)
  const { mean: shift, std } = latents ?? { mean: each(latentShift), std: each(1) }
  return { shift, scale: std.map((deviation) => latentScale / deviation) }
}

/** The fields that AutoencoderKL and VQModel share. */
export function autoencoderConfig(c: ConfigFields, defaults: { latentChannels: number }): AutoencoderConfig {
  const downs = c.texts('down_block_types', ['DownEncoderBlock2D', 'AttnDownEncoderBlock2D'], ['DownEncoderBlock2D'])
  const ups = c.texts('up_block_types', ['UpDecoderBlock2D', 'AttnUpDecoderBlock2D'], ['UpDecoderBlock2D'])
  if (ups.length !== downs.length) throw c.wrong('up_block_types', `as many as down_block_types, ${downs.length}`)
  return {
    channels: c.count('in_channels', 3),
    outChannels: c.count('out_channels', 3),
    latentChannels: c.count('latent_channels', defaults.latentChannels),
    widths: c.counts('block_out_channels', [64], downs.length),
    encoderAttention: downs.map((type) => type.startsWith('Attn')),
    decoderAttention: ups.map((type) => type.startsWith('Attn')),
    depth: c.count('layers_per_block', 1),
    groups: c.count('norm_num_groups', 32),
    activation: c.oneOf('act_fn', activationNames, 'silu'),
    middleAttention: c.flag('mid_block_add_attention', true),
    latentScale: c.number('scaling_factor', 0.18215),
  }
}
