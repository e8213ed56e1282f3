import { configFields } from './config-fields.ts'
import type { WanVaeConfig } from './wan-vae.ts'

// Statistics of the latents of Wan 2.1, 16 channels.
const latentsMean = [
  -0.7571, -0.7089, -0.9113, 0.1075, -0.1745, 0.9653, -0.1517, 1.5508, 0.4134, -0.0715, 0.5517, -0.3632, -0.1922,
  -0.9497, 0.2503, -0.2921,
]
const latentsStd = [
  2.8184, 1.4541, 2.3275, 2.6558, 1.2196, 1.7708, 2.6052, 2.0743, 3.2687, 2.1526, 2.8652, 1.5579, 1.6382, 1.1253,
  2.8251, 1.916,
]

/** Section 4.1.1 of the Wan 2.1 report, arXiv:2503.20314: 127 M parameters, 4 × 8 × 8 pixels a latent. */
export const wanVaeSizes = {
  'Wan2.1-VAE': {
    channels: 3,
    outChannels: 3,
    patchSize: 1,
    width: 96,
    decoderWidth: 96,
    multiples: [1, 2, 4, 4],
    depth: 2,
    latentChannels: 16,
    halveTime: [false, true, true],
    shortcuts: false,
    latentsMean,
    latentsStd,
  },
} satisfies Record<string, WanVaeConfig>

/** Reads the `config.json` of an AutoencoderKLWan. */
export function wanVaeConfig(json: unknown): WanVaeConfig {
  const c = configFields('AutoencoderKLWan', json)
  const size = wanVaeSizes['Wan2.1-VAE']
  c.only('attn_scales', [])
  const multiples = c.counts('dim_mult', size.multiples)
  const halveTime = c.flags('temperal_downsample', size.halveTime)
  if (halveTime.length < multiples.length - 1)
    throw c.wrong('temperal_downsample', `a list of ${multiples.length - 1} truth values, one between two sizes`)
  if (halveTime.slice(0, multiples.length - 1).filter(Boolean).length > 2)
    throw c.wrong('temperal_downsample', 'true at most twice, as clips are read in groups of four frames')
  const width = c.count('base_dim', size.width)
  return {
    channels: c.count('in_channels', size.channels),
    outChannels: c.count('out_channels', size.outChannels),
    patchSize: c.count('patch_size', size.patchSize),
    width,
    decoderWidth: c.count('decoder_base_dim', width),
    multiples,
    depth: c.count('num_res_blocks', size.depth),
    latentChannels: c.count('z_dim', size.latentChannels),
    halveTime,
    shortcuts: c.flag('is_residual', size.shortcuts),
    latentsMean: c.numbers('latents_mean', latentsMean),
    latentsStd: c.numbers('latents_std', latentsStd),
  }
}
