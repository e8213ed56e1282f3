import { TubeletError } from '../errors.ts'
import type { Tensor } from '../graph/index.ts'
import type { Params } from '../nn/index.ts'
import { cast, transpose } from '../ops/index.ts'
import { clip, clipConfig, clipLogits } from './clip.ts'
import { resnet, resnetConfig } from './resnet.ts'
import { wanConfig, wanTransformer } from './sora.ts'
import { vgg, vggConfig } from './vgg.ts'
import { type Classified, vit, vitConfig } from './vit.ts'
import { vivit, vivitConfig } from './vivit.ts'

/** Tensors by the names that a published class gives its arguments or outputs. */
export type Named = Readonly<Record<string, Tensor>>

/** A published class with its config read. */
export interface PublishedModel {
  readonly className: string
  /** Tensors of the published file that hold nothing learned, and are not read. */
  readonly spare?: RegExp
  /** Declares the parameters under the names of the published file; then arguments → outputs, as far as they are given. */
  readonly network: (p: Params) => (inputs: Named) => Named
}

type Network = PublishedModel['network']

interface PublishedClass {
  readonly name: string // `_class_name` (diffusers) or first of `architectures` (transformers)
  readonly modelType?: string // `model_type`, where that alone is enough
  readonly spare?: RegExp
  readonly read: (json: unknown) => Network
}

const products = (images: Tensor, texts: Tensor, scale: Tensor) => {
  const logits = clipLogits(images, texts, scale)
  return { logits_per_image: logits, logits_per_text: transpose(logits) }
}

const classifierOf =
  (network: (pixels: Tensor) => Classified) =>
  ({ pixel_values }: Named): Named => {
    const { logits, states } = network(pixel_values)
    return { logits, last_hidden_state: states }
  }

const float = (t: Tensor) => cast(t, 'float32')

const classes: readonly PublishedClass[] = [
  {
    name: 'CLIPModel',
    modelType: 'clip',
    spare: /position_ids$/,
    read(json) {
      const config = clipConfig(json)
      return (p) => {
        const { image, text, scale } = clip(p, config)
        return ({ pixel_values, input_ids, attention_mask }) => {
          const pictures = pixel_values && image(pixel_values)
          const texts = input_ids && text(input_ids, attention_mask && float(attention_mask))
          return {
            ...(pictures && { image_embeds: pictures.embedding, vision_last_hidden_state: pictures.states }),
            ...(texts && { text_embeds: texts.embedding, text_last_hidden_state: texts.states }),
            ...(pictures && texts && products(pictures.embedding, texts.embedding, scale())),
          }
        }
      }
    },
  },
  {
    name: 'ViTForImageClassification',
    modelType: 'vit',
    read(json) {
      const config = vitConfig(json)
      return (p) => classifierOf(vit(p, config))
    },
  },
  {
    name: 'VivitForVideoClassification',
    modelType: 'vivit',
    read(json) {
      const config = vivitConfig(json)
      return (p) => classifierOf(vivit(p, config))
    },
  },
  {
    name: 'ResNetForImageClassification',
    modelType: 'resnet',
    read(json) {
      const config = resnetConfig(json)
      return (p) => {
        const network = resnet(p, config)
        return ({ pixel_values }) => ({ logits: network(pixel_values) })
      }
    },
  },
  {
    name: 'VGG',
    modelType: 'vgg',
    read(json) {
      const config = vggConfig(json)
      return (p) => {
        const network = vgg(p, config)
        return ({ pixel_values }) => ({ logits: network(pixel_values) })
      }
    },
  },
  {
    name: 'WanTransformer3DModel',
    read(json) {
      const config = wanConfig(json)
      return (p) => {
        const network = wanTransformer(p, config)
        return ({ hidden_states, timestep, encoder_hidden_states }) => ({
          sample: network(hidden_states, float(timestep), encoder_hidden_states),
        })
      }
    },
  },
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
  if (!found)
    throw new TubeletError(
      'input',
      `the class '${String(named ?? model_type ?? 'without a name')}' is not supported; supported are ${publishedClasses.join(', ')}`,
    )
  return { className: found.name, spare: found.spare, network: found.read(json) }
}
