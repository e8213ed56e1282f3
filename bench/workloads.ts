import { flowLoss } from '../src/diffusion/flow-loss.ts'
import { input, type Shape, type Tensor } from '../src/graph/index.ts'
import { clip, clipConfig, clipLoss } from '../src/models/clip.ts'
import { dit, ditConfig } from '../src/models/dit.ts'
import { wanConfig, wanTransformer } from '../src/models/sora.ts'
import { unet } from '../src/models/unet.ts'
import { unetConfig } from '../src/models/unet-config.ts'
import { videoVaeConfig } from '../src/models/video-vae.ts'
import { videoVaeLoss } from '../src/models/video-vae-loss.ts'
import type { Params } from '../src/nn/index.ts'
import { add, chunk, concat, mean, mul, square, sub } from '../src/ops/index.ts'

/** An input: normal numbers, or whole numbers in [from, below). */
export interface InputSpec {
  readonly shape: Shape
  readonly from?: number
  readonly below?: number
  readonly whole?: boolean // fed as int32; otherwise whole numbers are fed as float32
}

/** One thing that both sides do with the same weights and inputs. */
export interface Workload {
  readonly title: string
  readonly kind: 'train' | 'sample'
  /** What the other side computes; `peer.py` has a function of this name. */
  readonly peer: 'denoise' | 'contrast' | 'autoencode' | 'flow' | 'guide'
  readonly config: object // as in the config.json of a published class, or of the project's autoencoder
  readonly convolutional?: boolean // whether the other side is also tried with channels last
  readonly dtype?: 'int8' // of the project's side
  readonly workers?: number // parts of the batch that the project's side computes at the same time
  readonly inputs: Readonly<Record<string, InputSpec>>
  /** The loss of a training step, or the result of a sampling step. */
  readonly build: (p: Params, inputs: Readonly<Record<string, Tensor>>) => Tensor
}

const mse = (y: Tensor, target: Tensor) => mean(square(sub(y, target)))

function ditStep(size: { width: number; heads: number; side: number; batch: number }): Workload {
  const { width, heads, side, batch } = size
  const config = {
    _class_name: 'DiTTransformer2DModel',
    num_attention_heads: heads,
    attention_head_dim: width / heads,
    num_layers: 8,
    in_channels: 4,
    out_channels: 4,
    sample_size: side,
    patch_size: 2,
    activation_fn: 'gelu-approximate',
    attention_bias: true,
    num_embeds_ada_norm: 10,
    norm_type: 'ada_norm_zero',
    norm_elementwise_affine: false,
    norm_eps: 1e-6,
  }
  const picture = { shape: [batch, 4, side, side] }
  return {
    title: `DiT step, width ${width}, depth 8, ${(side / 2) ** 2} tokens, batch ${batch}`,
    kind: 'train',
    peer: 'denoise',
    config,
    inputs: {
      x: picture,
      target: picture,
      t: { shape: [batch], below: 1000 },
      labels: { shape: [batch], below: 10, whole: true },
    },
    build: (p, { x, t, labels, target }) => mse(dit(p, ditConfig(config))(x, t, labels), target),
  }
}

function clipStep(batch: number): Workload {
  const encoder = { hidden_size: 256, intermediate_size: 1024, num_attention_heads: 4, hidden_act: 'quick_gelu' }
  const config = {
    architectures: ['CLIPModel'],
    model_type: 'clip',
    projection_dim: 256,
    vision_config: { ...encoder, num_hidden_layers: 6, image_size: 32, patch_size: 4, projection_dim: 256 },
    text_config: {
      ...{ ...encoder, num_hidden_layers: 4, vocab_size: 1000, max_position_embeddings: 32, projection_dim: 256 },
      ...{ eos_token_id: 999, bos_token_id: 998, pad_token_id: 999 },
    },
  }
  return {
    title: `CLIP step, width 256, 6 + 4 layers, batch ${batch}`,
    kind: 'train',
    peer: 'contrast',
    config,
    inputs: { pixels: { shape: [batch, 3, 32, 32] }, ids: { shape: [batch, 32], from: 1, below: 1000, whole: true } },
    build(p, { pixels, ids }) {
      const { image, text, scale } = clip(p, clipConfig(config))
      return clipLoss(image(pixels).embedding, text(ids).embedding, scale())
    },
  }
}

function unetStep(batch: number): Workload {
  const config = {
    _class_name: 'UNet2DModel',
    sample_size: 64,
    in_channels: 3,
    out_channels: 3,
    block_out_channels: [32, 64, 128],
    down_block_types: ['DownBlock2D', 'DownBlock2D', 'DownBlock2D'],
    up_block_types: ['UpBlock2D', 'UpBlock2D', 'UpBlock2D'],
    layers_per_block: 1,
    norm_num_groups: 8,
    add_attention: false,
  }
  const picture = { shape: [batch, 3, 64, 64] }
  return {
    title: `convolutional U-net step, 32 to 128 channels, 64 × 64, batch ${batch}`,
    kind: 'train',
    peer: 'denoise',
    config,
    convolutional: true,
    workers: 2,
    inputs: { x: picture, target: picture, t: { shape: [batch], below: 1000 } },
    build: (p, { x, t, target }) => mse(unet(p, unetConfig(config))(x, t), target),
  }
}

function autoencoderStep(batch: number): Workload {
  const config = {
    _class_name: 'VideoVae',
    channels: 4,
    latent_channels: 24,
    width: 256,
    heads: 4,
    mlp_ratio: 4,
    encoder_depth: 3,
    decoder_depth: 5,
    fine_width: 32,
    fine_depth: 1,
    tail_width: 16,
  }
  return {
    title: `video autoencoder step, 17 frames of 128 × 128 with alpha, batch ${batch}`,
    kind: 'train',
    peer: 'autoencode',
    config,
    convolutional: true,
    workers: 2,
    inputs: { clip: { shape: [batch, 17, 4, 128, 128] }, noise: { shape: [batch, 24, 9, 8, 8] } },
    build(p, { clip: frames, noise }) {
      const weights = { absolute: 1, squared: 2, motion: 0.5, kl: 2e-4 }
      return videoVaeLoss(p, videoVaeConfig(config).config, weights)(frames, noise).loss
    },
  }
}

const wan = {
  _class_name: 'WanTransformer3DModel',
  num_attention_heads: 5,
  attention_head_dim: 64,
  num_layers: 8,
  ffn_dim: 1024,
  in_channels: 24,
  out_channels: 24,
  text_dim: 192,
  freq_dim: 256,
  patch_size: [1, 2, 2],
  cross_attn_norm: true,
  qk_norm: 'rms_norm_across_heads',
  eps: 1e-6,
  rope_max_seq_len: 64,
}

function videoStep(batch: number): Workload {
  const latents = { shape: [batch, 24, 9, 8, 8] }
  const inputs = {
    x0: latents,
    eps: latents,
    t: { shape: [batch], below: 1 },
    text: { shape: [batch, 24, 192] },
  }
  return {
    title: `video transformer step, width 320, depth 8, 144 tokens, batch ${batch}`,
    kind: 'train',
    peer: 'flow',
    config: wan,
    inputs,
    build(p, { x0, eps, t, text }) {
      const predict = wanTransformer(p, wanConfig(wan))
      return flowLoss((x, time) => predict(x, time, text), { x0, eps, t })
    },
  }
}

/** Scale of the guidance of a sampling step. */
export const guidance = 3

const guidedStep: Workload = {
  title: 'guided sampling step, video transformer of width 320, depth 8, 144 tokens',
  kind: 'sample',
  peer: 'guide',
  config: wan,
  inputs: { x: { shape: [1, 24, 9, 8, 8] }, t: { shape: [1], below: 1000 }, text: { shape: [2, 24, 192] } },
  build(p, { x, t, text }) {
    const both = wanTransformer(p, wanConfig(wan))(concat([x, x], 0), concat([t, t], 0), text)
    const [prompted, negative] = chunk(both, 2, 0)
    return add(negative, mul(sub(prompted, negative), guidance))
  },
}

/** Everything that is timed, by the name that `--only` takes. */
export const workloads: Readonly<Record<string, Workload>> = {
  'dit-64': ditStep({ width: 256, heads: 4, side: 16, batch: 16 }),
  'dit-256': ditStep({ width: 384, heads: 6, side: 32, batch: 8 }),
  clip: clipStep(64),
  unet: unetStep(16),
  autoencoder: autoencoderStep(4),
  video: videoStep(8),
  guided: guidedStep,
  'guided-int8': { ...guidedStep, title: `${guidedStep.title}, in 8 bits against PyTorch as above`, dtype: 'int8' },
}

/** The inputs of a workload, or of one of equal parts of its batch, as leaves of a graph. */
export const leavesOf = ({ inputs }: Workload, parts = 1): Record<string, Tensor> =>
  Object.fromEntries(
    Object.entries(inputs).map(
      ([
        name,
        {
          shape: [batch, ...rest],
          whole,
        },
      ]) => [name, input(name, [batch / parts, ...rest], whole ? 'int32' : 'float32')],
    ),
  )
