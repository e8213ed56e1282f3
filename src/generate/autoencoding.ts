import { input, type Tensor } from '../graph/index.ts'
import { drawLatent, type VaeConfig, vae, vaeLoss } from '../models/vae.ts'
import type { Params } from '../nn/index.ts'
import { mul } from '../ops/index.ts'
import { stream } from '../random.ts'

/** An autoencoder of pictures to be trained. */
export interface AutoencodingOptions {
  readonly config: VaeConfig
  readonly size: number // H and W of the pictures
  readonly batch: number // B
  readonly seed: number
  readonly klWeight: number // of the divergence summed over a picture beside the error summed over it
  readonly error?: (difference: Tensor) => Tensor // as in `vaeLoss`; 'abs' where absent
  /** The pictures [B, C, H, W] of a step, a function of the step alone. */
  readonly pictures: (step: number) => Float32Array
}

/** The parts of a run that trains an AutoencoderKL by `vaeLoss`, told for one number of a picture. */
export function autoencoding({ config, size, batch, seed, klWeight, error, pictures }: AutoencodingOptions) {
  const shape = [batch, config.channels, size, size]
  const side = size / 2 ** (config.widths.length - 1)
  const latents = [batch, config.latentChannels, side, side]
  return {
    samples: batch,
    build(p: Params) {
      const { encode, decode } = vae(p, config)
      const x = input('x', shape)
      const posterior = encode(x)
      const decoded = decode(drawLatent(posterior, input('noise', latents)))
      const loss = vaeLoss(x, decoded, posterior, { weight: klWeight, error })
      return { loss: mul(loss, 1 / (config.channels * size * size)) }
    },
    batch: (step: number) => ({
      x: pictures(step),
      noise: stream({ seed, purpose: 'noise to code', step }).normal(latents.reduce((a, b) => a * b)),
    }),
  }
}
