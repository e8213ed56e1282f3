import { TubeletError } from '../errors.ts'
import type { Tensor } from '../graph/index.ts'
import type { Params } from '../nn/index.ts'
import { cast, transpose } from '../ops/index.ts'
import { clip, clipConfig, clipLogits } from './clip.ts'
import { clipResNet, clipResNetConfig } from './clip-resnet.ts'
import { dit, ditConfig } from './dit.ts'
import { navitConfig } from './navit.ts'
import { navitImages } from './navit-images.ts'
import { resnet, resnetConfig } from './resnet.ts'
import { wanConfig, wanTransformer } from './sora.ts'
import { unet } from './unet.ts'
import { unetConfig, unetTextConfig } from './unet-config.ts'
import { type Posterior, vae, vaeConfig } from './vae.ts'
import { vgg, vggConfig } from './vgg.ts'
import { type Classified, vit, vitConfig } from './vit.ts'
import { vivit, vivitConfig } from './vivit.ts'
import { vqVae, vqVaeConfig } from './vq-vae.ts'
import { wanVae } from './wan-vae.ts'
import { wanVaeConfig } from './wan-vae-config.ts'

/** Tensors by the names that a published class gives its arguments or outputs. */
export type Named = Readonly<Record<string, Tensor>>

/** Arguments of a class; those that it needs are there, the others may be. */
type Arguments<Needed extends string, Optional extends string> = Readonly<
  Record<Needed, Tensor> & Partial<Record<Optional, Tensor>>
>

/** A published class with its config read. */
export interface PublishedModel {
  readonly className: string
  /** Tensors of the published file that hold nothing learned, and are not read. */
  readonly spare?: RegExp
  /** Arguments that the network needs, and those that it may be given. */
  readonly needs: readonly string[]
  readonly takes: readonly string[]
  readonly takesLike?: { readonly names: RegExp; readonly said: string } // any number of such arguments
  /** Declares the parameters under the names of the published file; then arguments → outputs, as far as they are given. */
  readonly network: (p: Params) => (inputs: Named) => Named
}

interface PublishedClass {
  readonly name: string // `_class_name` (diffusers) or first of `architectures` (transformers)
  readonly modelType?: string // `model_type`, where that alone is enough
  readonly read: (json: unknown) => Omit<PublishedModel, 'className'>
}

/** A class whose config and network have their own types. */
function published<Config, Needed extends string, Optional extends string = never>(entry: {
  readonly name: string
  readonly modelType?: string
  readonly spare?: RegExp
  readonly config: (json: unknown) => Config
  readonly needs: readonly Needed[]
  readonly takes?: readonly Optional[]
  readonly network: (p: Params, config: Config) => (inputs: Arguments<Needed, Optional>) => Named
}): PublishedClass {
  const { name, modelType, spare, needs, takes = [] } = entry
  return {
    name,
    modelType,
    read(json) {
      const config = entry.config(json)
      // The caller gives every argument of `needs`, so the cast only forgets the other names.
      const network = (p: Params) => entry.network(p, config) as (inputs: Named) => Named
      return { spare, needs, takes, network }
    },
  }
}

const float = (t: Tensor) => cast(t, 'float32')

const classified =
  (network: (pixels: Tensor) => Classified) =>
  ({ pixel_values }: Arguments<'pixel_values', never>): Named => {
    const { logits, states } = network(pixel_values)
    return { logits, last_hidden_state: states }
  }

const autoencoded =
  ({ encode, decode }: { encode(x: Tensor): Posterior; decode(z: Tensor): Tensor }) =>
  ({ sample, latent }: Arguments<never, 'sample' | 'latent'>): Named => ({
    ...(sample && encode(sample)),
    ...(latent && { decoded: decode(latent) }),
  })

type ClipArguments = Arguments<never, 'pixel_values' | 'input_ids' | 'attention_mask'>

function contrasted(network: ReturnType<typeof clip>) {
  return ({ pixel_values, input_ids, attention_mask }: ClipArguments): Named => {
    const images = pixel_values && network.image(pixel_values)
    const texts = input_ids && network.text(input_ids, attention_mask && float(attention_mask))
    const logits = images && texts && clipLogits(images.embedding, texts.embedding, network.scale())
    return {
      ...(images && { image_embeds: images.embedding, vision_last_hidden_state: images.states }),
      ...(texts && { text_embeds: texts.embedding, text_last_hidden_state: texts.states }),
      ...(logits && { logits_per_image: logits, logits_per_text: transpose(logits) }),
    }
  }
}

/** vit-pytorch's class takes lists of lists of pictures: `image_0_1` is the second of the first row. */
const packed: PublishedClass = {
  name: 'NaViT',
  modelType: 'navit',
  read(json) {
    const config = navitConfig(json)
    const network = (p: Params) => {
      const classify = navitImages(p, config)
      return (inputs: Named): Named => {
        const rows: Tensor[][] = []
        for (const [name, image] of Object.entries(inputs)) {
          const [r, s] = name.split('_').slice(1).map(Number)
          rows[r] ??= []
          rows[r][s] = image
        }
        if (Object.keys(rows).length < rows.length || rows.some((row) => Object.keys(row).length < row.length))
          throw new TubeletError('input', 'NaViT: rows and pictures must be numbered from 0 without a gap')
        return { logits: classify(rows) }
      }
    }
    return {
      needs: ['image_0_0'],
      takes: [],
      takesLike: { names: /^image_\d{1,3}_\d{1,3}$/, said: 'image_ROW_NUMBER' },
      network,
    }
  },
}

const classes: readonly PublishedClass[] = [
  published({
    name: 'CLIPModel',
    modelType: 'clip',
    spare: /position_ids$/,
    config: clipConfig,
    needs: [],
    takes: ['pixel_values', 'input_ids', 'attention_mask'],
    network: (p, config) => contrasted(clip(p, config)),
  }),
  published({
    name: 'ViTForImageClassification',
    modelType: 'vit',
    config: vitConfig,
    needs: ['pixel_values'],
    network: (p, config) => classified(vit(p, config)),
  }),
  published({
    name: 'VivitForVideoClassification',
    modelType: 'vivit',
    config: vivitConfig,
    needs: ['pixel_values'],
    network: (p, config) => classified(vivit(p, config)),
  }),
  published({
    name: 'ResNetForImageClassification',
    modelType: 'resnet',
    config: resnetConfig,
    needs: ['pixel_values'],
    network(p, config) {
      const network = resnet(p, config)
      return ({ pixel_values }) => ({ logits: network(pixel_values) })
    },
  }),
  published({
    name: 'ModifiedResNet',
    config: clipResNetConfig,
    needs: ['pixel_values'],
    network(p, config) {
      const network = clipResNet(p, config)
      return ({ pixel_values }) => ({ image_features: network(pixel_values) })
    },
  }),
  published({
    name: 'VGG',
    modelType: 'vgg',
    config: vggConfig,
    needs: ['pixel_values'],
    network(p, config) {
      const network = vgg(p, config)
      return ({ pixel_values }) => ({ logits: network(pixel_values) })
    },
  }),
  published({
    name: 'AutoencoderKL',
    config: vaeConfig,
    needs: [],
    takes: ['sample', 'latent'],
    network: (p, config) => autoencoded(vae(p, config)),
  }),
  published({
    name: 'VQModel',
    config: vqVaeConfig,
    needs: [],
    takes: ['sample', 'latent'],
    network(p, config) {
      const { encode, quantize, decode } = vqVae(p, config)
      return ({ sample, latent }: Arguments<never, 'sample' | 'latent'>) => ({
        ...(sample && { latents: encode(sample) }),
        ...(latent && { decoded: decode(quantize(latent).codes) }),
      })
    },
  }),
  published({
    name: 'UNet2DModel',
    config: unetConfig,
    needs: ['sample', 'timestep'],
    takes: ['class_labels'],
    network(p, config) {
      const network = unet(p, config)
      const time = config.time.kind === 'learned' ? (t: Tensor) => t : float // such times are rows of a table
      return ({ sample, timestep, class_labels }) => ({
        sample: network(sample, time(timestep), { labels: class_labels }),
      })
    },
  }),
  published({
    name: 'UNet2DConditionModel',
    config: unetTextConfig,
    needs: ['sample', 'timestep', 'encoder_hidden_states'],
    network(p, config) {
      const network = unet(p, config)
      return ({ sample, timestep, encoder_hidden_states: text }) => ({
        sample: network(sample, float(timestep), { text }),
      })
    },
  }),
  published({
    name: 'DiTTransformer2DModel',
    config: ditConfig,
    needs: ['hidden_states', 'timestep', 'class_labels'],
    network(p, config) {
      const network = dit(p, config)
      return ({ hidden_states, timestep, class_labels }) => ({
        sample: network(hidden_states, float(timestep), class_labels),
      })
    },
  }),
  published({
    name: 'AutoencoderKLWan',
    config: wanVaeConfig,
    needs: [],
    takes: ['sample', 'latent'],
    network: (p, config) => autoencoded(wanVae(p, config)),
  }),
  published({
    name: 'WanTransformer3DModel',
    config: wanConfig,
    needs: ['hidden_states', 'timestep', 'encoder_hidden_states'],
    network(p, config) {
      const network = wanTransformer(p, config)
      return ({ hidden_states, timestep, encoder_hidden_states }) => ({
        sample: network(hidden_states, float(timestep), encoder_hidden_states),
      })
    },
  }),
  packed,
]

/** Names of the published classes that `publishedModel` knows. */
export const publishedClasses: readonly string[] = classes.map(({ name }) => name)

/** Finds the class that a `config.json` names and reads its fields; an unknown class lists the known ones. */
export function publishedModel(json: unknown): PublishedModel {
  const { _class_name, architectures, model_type } = Object(json) as Record<string, unknown>
  const named = _class_name ?? (Array.isArray(architectures) ? architectures[0] : undefined)
  const found = classes.find(({ name, modelType }) =>
    named === undefined ? model_type !== undefined && modelType === model_type : name === named,
  )
  if (found) return { className: found.name, ...found.read(json) }
  const wanted = String(named ?? model_type ?? 'without a name').slice(0, 60)
  throw new TubeletError(
    'input',
    `the model class '${wanted}' is not supported; these are: ${publishedClasses.join(', ')}`,
  )
}
