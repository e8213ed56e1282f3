import { ShapeError, type Tensor } from '../graph/index.ts'
import { causalMask, layerNorm, linear, normal, type Params } from '../nn/index.ts'
import { add, crossEntropy, gather, matmul, reshape, slice, transpose } from '../ops/index.ts'
import { type ClipVisionConfig, clipVision, clipVisionConfig, clipVisionJson } from './clip.ts'
import { configFields } from './config-fields.ts'
import {
  attentionPart,
  type BlockStyle,
  type EncoderConfig,
  encoderFields,
  encoderJson,
  mlpPart,
} from './vit-blocks.ts'

/**
 * A captioner, as it relabels the training set of DALL·E 3 (Betker et al. 2023, section 2): a language model of text that
 * also reads the picture. The paper conditions it on CLIP's embedding alone; here each word reads all patches of CLIP's
 * image side by cross-attention, in the decoder of Vaswani et al. 2017 (section 3.1) with the norms first. Parts are named
 * as in VisionEncoderDecoderModel, CLIPVisionModel and MBartDecoder of transformers.
 */
export interface CaptionerConfig {
  readonly vision: ClipVisionConfig
  readonly frames: number // most frames of a clip; 1: pictures only
  readonly text: CaptionDecoderConfig
}

/** The side that writes. */
export interface CaptionDecoderConfig extends EncoderConfig {
  readonly vocabulary: number // V, with the start tokens
  readonly context: number // most tokens, with the start token
  readonly tied: boolean // the output layer is the table of the token embeddings (Press & Wolf 2017)
}

/** Names in MBart files of transformers. */
const selfNames: BlockStyle = {
  norm1: 'self_attn_layer_norm',
  attention: 'self_attn',
  projections: { q: 'q_proj', k: 'k_proj', v: 'v_proj', out: 'out_proj' },
  norm2: 'final_layer_norm',
  mlp: ['fc1', 'fc2'],
}
const crossNames: BlockStyle = { ...selfNames, norm1: 'encoder_attn_layer_norm', attention: 'encoder_attn' }

/** Both sides: `encode` sees, `decode` writes. */
export function captioner(p: Params, config: CaptionerConfig) {
  const { vision, text } = config
  const see = visionStates(p, config)
  const narrow = vision.width === text.width ? undefined : linear(p.at('enc_to_dec_proj'), vision.width, text.width)
  const write = captionDecoder(p.at('decoder'), text)
  return {
    /** A picture [B, C, H, W] or a clip [B, T, C, H, W] → states of all patches of all frames [M, B, D text]. */
    encode(pixels: Tensor): Tensor {
      const states = see(pixels)
      return narrow ? narrow(states) : states
    },
    /** Tokens int32 [B, L] and the states [M, B, D text] → logits [B, L, V] of the token after each. */
    decode: (ids: Tensor, context: Tensor): Tensor => write.logits(write.states(ids, context)),
    /** The same for the token after place `at` alone, int32 [1] → [B, V]. */
    next: (ids: Tensor, context: Tensor, at: Tensor): Tensor => {
      const row = gather(write.states(ids, context), at, 1) // [B, 1, D]
      return write.logits(reshape(row, [ids.shape[0], text.width]))
    },
  }
}

/** Each frame is seen alone; then its patches are told which frame they are of, and stand beside those of the others. */
function visionStates(p: Params, { vision, frames }: CaptionerConfig) {
  const { width } = vision
  const look = clipVision(p.at('encoder.vision_model'), vision)
  const table = frames > 1 ? p.get('frame_embeddings', [frames, width], normal(0.02)) : undefined
  return (pixels: Tensor): Tensor => {
    const clip = pixels.shape.length === 5
    const [B, T] = clip ? pixels.shape : [pixels.shape[0], 1]
    if (T > frames) throw new ShapeError('captioner', `a clip has at most ${frames} frames`, { pixels })
    const { normed: states } = look(clip ? reshape(pixels, [B * T, ...pixels.shape.slice(2)]) : pixels) // [N, B·T, D]
    if (!table) return states
    const N = states.shape[0]
    const byFrame = transpose(reshape(states, [N, B, T, width]), [2, 0, 1, 3]) // [T, N, B, D]
    return reshape(add(byFrame, reshape(slice(table, 0, 0, T), [T, 1, 1, width])), [T * N, B, width])
  }
}

/** The decoder: each token reads itself and those before it, then the picture. */
function captionDecoder(p: Params, config: CaptionDecoderConfig) {
  const { width, depth, vocabulary, context: most, tied, eps } = config
  const table = p.get('embed_tokens.weight', [vocabulary, width], normal(0.02))
  const positions = p.get('embed_positions.weight', [most, width], normal(0.02))
  const blocks = Array.from({ length: depth }, (_, i) => {
    const at = p.at('layers').at(i)
    const look = attentionPart(at, config, selfNames)
    const see = attentionPart(at, config, crossNames)
    const think = mlpPart(at, config, selfNames)
    return (x: Tensor, mask: Tensor, context: Tensor) => think(see(look(x, { mask }), { context }))
  })
  const norm = layerNorm(p.at('layer_norm'), width, { eps })
  const head = tied ? table : p.get('lm_head.weight', [vocabulary, width], normal(0.02))
  return {
    states: p.scoped((ids: Tensor, context: Tensor): Tensor => {
      const [B, L] = ids.shape
      if (ids.shape.length !== 2 || L > most || context.shape[1] !== B)
        throw new ShapeError(
          'captioner',
          `ids must be [B, L] with at most ${most} tokens, and states [M, B, ${width}]`,
          {
            ids,
            context,
          },
        )
      const placed = add(gather(table, transpose(ids)), reshape(slice(positions, 0, 0, L), [L, 1, width])) // [L, B, D]
      const mask = causalMask(L)
      return transpose(norm(blocks.reduce((x, block) => block(x, mask, context), placed)), [1, 0, 2]) // [B, L, D]
    }),
    logits: (states: Tensor): Tensor => {
      const rows = matmul(reshape(states, [-1, width]), head, { transposeB: true })
      return reshape(rows, [...states.shape.slice(0, -1), vocabulary])
    },
  }
}

/**
 * Mean of −ln p over all tokens of the captions but the first (Betker et al. 2023, section 2.1): logits [B, L, V] of the
 * ids int32 [B, L]; places that hold `pad` do not count.
 */
export function captionLoss(logits: Tensor, ids: Tensor, { pad }: { readonly pad: number }): Tensor {
  const L = ids.shape[1]
  return crossEntropy(slice(logits, 1, 0, L - 1), slice(ids, 1, 1, L), { ignore: pad })
}

/** Reads the `config.json` of a Captioner. */
export function captionerConfig(json: unknown): CaptionerConfig {
  const c = configFields('Captioner', json)
  const [encoder, decoder] = [c.object('encoder'), c.object('decoder')]
  const small = { width: 128, depth: 3, heads: 4, hidden: 512, activation: 'gelu', qkvBias: true, eps: 1e-5 } as const
  return {
    vision: clipVisionConfig(encoder, { ...small, activation: 'quick_gelu' }),
    frames: c.count('frames', 1),
    text: {
      ...encoderFields(decoder, small),
      vocabulary: decoder.count('vocab_size'),
      context: decoder.count('max_position_embeddings'),
      tied: c.flag('tie_word_embeddings', true),
    },
  }
}

/** The opposite of `captionerConfig`: what to write as `config.json`. */
export const captionerJson = ({ vision, frames, text }: CaptionerConfig): object => ({
  _class_name: 'Captioner',
  frames,
  tie_word_embeddings: text.tied,
  encoder: clipVisionJson(vision),
  decoder: { ...encoderJson(text), vocab_size: text.vocabulary, max_position_embeddings: text.context },
})
