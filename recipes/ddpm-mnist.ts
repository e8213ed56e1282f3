/**
 * A denoising diffusion model on handwritten digits (Ho et al. 2020): the pixel U-Net tells the noise of pictures of
 * 28 × 28, whose label is given, so that a digit can be asked for. The digits come from an npm package.
 * Measured: loss 0.03 after 1,500 steps, 30 minutes on one core; the strokes are those of digits, about half are the digit asked for.
 */
import {
  ddpmConfig,
  denoising,
  drawSamples,
  type GuidedDenoiserOptions,
  guidedDenoiser,
  type Recipe,
  schedulerFromConfig,
  unet,
  unetConfig,
  warmupCosine,
} from 'tubelet'
import { dataOf, digitPictures, digitSide, mnist, modelFile, pictureGrid } from 'tubelet/node'

const batch = 64
const config = {
  _class_name: 'UNet2DModel',
  sample_size: digitSide,
  in_channels: 1,
  out_channels: 1,
  block_out_channels: [32, 64, 128],
  down_block_types: ['DownBlock2D', 'DownBlock2D', 'AttnDownBlock2D'],
  up_block_types: ['AttnUpBlock2D', 'UpBlock2D', 'UpBlock2D'],
  layers_per_block: 1,
  norm_num_groups: 8,
  attention_head_dim: 32,
  num_class_embeds: 10,
}
const scheduler = {
  _class_name: 'DDPMScheduler',
  num_train_timesteps: 1000,
  beta_schedule: 'linear',
  variance_type: 'fixed_large', // as in Ho et al.; at few steps the small one is better (`ddpm-choices`)
  clip_sample: true,
}
const drawnSteps = 100

export default {
  name: 'ddpm-mnist',
  summary: 'a denoising diffusion model that writes digits',

  async prepare({ runtime, seed = 0, steps = 1500, report }) {
    const digits = digitPictures(await mnist({ split: 'train' }))
    report(`${digits.count} digits`)
    const network = unetConfig(config)
    const labels = { shape: [], dtype: 'int32' } as const
    const build: GuidedDenoiserOptions['build'] = (p) => {
      const predict = unet(p, network)
      return (x, t, { labels }) => predict(x, t, { labels })
    }
    return {
      name: 'ddpm-mnist',
      seed,
      steps,
      settings: { config, scheduler, batch },
      ...denoising(digits, {
        ...{ batch, seed, config: ddpmConfig.parse(scheduler), build },
        told: { labels: { ...labels, of: (chosen) => chosen.map((i) => digits.labels.digit[i]) } },
      }),
      lr: warmupCosine({ peak: 1e-3, warmup: Math.min(100, Math.floor(steps / 10)), total: steps }),
      optimizer: { weightDecay: 0, clip: 1, ema: 0.995 },
      /** Ten of each digit, row by row, dark ink on paper. */
      async pictures(weights) {
        const shape = [10, 1, digitSide, digitSide]
        const program = await guidedDenoiser(runtime, {
          ...{ build, weights: dataOf(weights), shape, told: { labels }, guided: false },
        })
        const drawn = await drawSamples(program, {
          ...{ scheduler: schedulerFromConfig(scheduler, drawnSteps), seed, count: 100 },
          told: (first) => ({ labels: new Int32Array(10).fill(first / 10) }),
        })
        await program.release()
        const format = { channels: 1, height: digitSide, width: digitSide, columns: 10 } as const
        const ink = drawn.map((value) => -value)
        return { 'digits.png': await pictureGrid(ink, format) }
      },
      publish: async (weights) => ({
        'unet/config.json': JSON.stringify(config, null, 1),
        'unet/diffusion_pytorch_model.safetensors': modelFile(weights),
        'scheduler/scheduler_config.json': JSON.stringify(scheduler, null, 1),
        'model_index.json': JSON.stringify({
          _class_name: 'DDPMPipeline',
          unet: ['diffusers', 'UNet2DModel'],
          scheduler: ['diffusers', 'DDPMScheduler'],
        }),
      }),
    }
  },
} satisfies Recipe
