/** A system of the article: where it is, and which results show its paper's points. */
export interface System {
  readonly name: string
  readonly paper: string
  readonly file: string
  readonly page: string // in docs/systems, without its ending
  readonly recipes: readonly string[]
  readonly results: readonly string[] // reproductions, whether they are written yet or not
}

/** Every system from CLIP to Sora, in the order of the article. */
export const systems: readonly System[] = [
  {
    name: 'CLIP',
    paper: 'Radford et al. 2021',
    file: 'src/models/clip.ts',
    page: 'clip',
    recipes: ['emoji-clip'],
    results: ['clip-batch-size', 'clip-style-shift', 'clip-time-sharing'],
  },
  {
    name: 'image encoders',
    paper: 'He et al. 2015; Simonyan & Zisserman 2014',
    file: 'src/models/image-encoder.ts, resnet.ts, vgg.ts',
    page: 'image-encoders',
    recipes: ['emoji-resnet'],
    results: ['image-encoders'],
  },
  {
    name: 'ViT',
    paper: 'Dosovitskiy et al. 2020',
    file: 'src/models/vit.ts',
    page: 'vit',
    recipes: ['emoji-vit'],
    results: ['vit-ablations', 'vit-data-size'],
  },
  {
    name: 'AE and VAE',
    paper: 'Kingma & Welling 2013; Rombach et al. 2021',
    file: 'src/models/vae.ts, vq-vae.ts, video-vae.ts',
    page: 'autoencoder',
    recipes: ['emoji-vae', 'emoji-decoder', 'emoji-kl-f4'],
    results: ['vae-holes', 'vae-rate-distortion', 'vae-diffusability'],
  },
  {
    name: 'DDPM',
    paper: 'Ho et al. 2020; Nichol & Dhariwal 2021; Song et al. 2020',
    file: 'src/diffusion/ddpm.ts',
    page: 'ddpm',
    recipes: ['ddpm-mnist'],
    results: ['ddpm-mixture', 'ddpm-choices', 'ddpm-likelihood'],
  },
  {
    name: 'latent diffusion',
    paper: 'Rombach et al. 2021',
    file: 'src/models/unet.ts',
    page: 'latent-diffusion',
    recipes: ['emoji-latent-diffusion'],
    results: ['latent-factors', 'guidance-sweep'],
  },
  {
    name: 'DiT',
    paper: 'Peebles & Xie 2023',
    file: 'src/models/dit.ts',
    page: 'dit',
    recipes: ['emoji-dit'],
    results: ['dit-blocks', 'dit-compute', 'dit-unet'],
  },
  {
    name: 'ViViT',
    paper: 'Arnab et al. 2021',
    file: 'src/models/vivit.ts',
    page: 'vivit',
    recipes: ['moving-shapes-vivit'],
    results: ['vivit-tokens', 'vivit-models'],
  },
  {
    name: 'NaViT',
    paper: 'Dehghani et al. 2023',
    file: 'src/models/navit.ts',
    page: 'navit',
    recipes: ['emoji-navit'],
    results: ['navit-packing', 'navit-resolutions', 'navit-token-drop'],
  },
  {
    name: 'recaptioning',
    paper: 'Betker et al. 2023',
    file: 'src/models/captioner.ts',
    page: 'recaptioning',
    recipes: ['captioner'],
    results: ['recaptioning'],
  },
  {
    name: 'Sora',
    paper: 'Brooks et al. 2024',
    file: 'src/models/sora.ts, sora-packed.ts',
    page: 'sora',
    recipes: ['emoji-video'],
    results: ['sora-compute', 'sora-native-aspect', 'sora-packing'],
  },
]
