import type { Tokenizer } from '../data/tokenizer.ts'
import { TubeletError } from '../errors.ts'
import { input } from '../graph/index.ts'
import { type ClipTextConfig, clipConfig, clipText } from '../models/clip.ts'
import { params } from '../nn/index.ts'
import { concat, layerNorm } from '../ops/index.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { ModelPart } from './model-part.ts'
import { checkDepths, weightsFor } from './weights.ts'

/**
 * Text as the diffusion transformer reads it: the last hidden states of CLIP's text side, and beside them the
 * embeddings of the tokens at mean 0 and variance 1, because the states of alike things are alike
 * (docs/decisions/007).
 */
export interface TextEncoder {
  readonly tokenizer: Tokenizer
  readonly length: number // L, tokens of a prompt
  readonly width: number // D, twice that of CLIP
  /** States [L, D] of one prompt; what follows the end-of-text token is zero, as Wan has it. */
  states(prompt: string): Promise<Float32Array>
  release(): Promise<void>
}

/** The text encoder of a CLIP model that was read. */
export async function textEncoderOf(
  { config: json, arrays, folder }: Pick<ModelPart, 'config' | 'arrays' | 'folder'>,
  words: Tokenizer,
  runtime: Runtime,
): Promise<TextEncoder> {
  const config = clipConfig(json).text
  checkTokenizer(folder, words, config)
  checkDepths(folder, { num_hidden_layers: config.depth }, arrays)
  const p = params()
  const network = clipText(p.at('text_model'), config)
  const constants = weightsFor(p, arrays, {
    where: folder,
    spare: /^(vision_model\.|visual_projection|text_projection|logit_scale)/,
  })
  const { states: last, embedded } = network(input('ids', [1, config.context], 'int32'))
  const width = 2 * config.width
  const program = await runtime.load({ states: concat([last, layerNorm(embedded)], 2) }, { constants })
  const compute = async (prompt: string) => {
    const ids = words.encode(prompt, config.context)
    const all = (await program.run({ ids })).states as Float32Array
    return all.fill(0, (ids.indexOf(words.end) + 1) * width)
  }
  return {
    tokenizer: words,
    length: config.context,
    width,
    states: compute,
    release: () => program.release(),
  }
}

/** Throws TubeletError('input') where a tokenizer is not the one that the text side of a model learnt with. */
export function checkTokenizer(where: string, words: Tokenizer, { vocabulary, endOfText }: ClipTextConfig) {
  if (words.size > vocabulary || ![words.end, 2].includes(endOfText))
    throw new TubeletError(
      'input',
      `${where}: reads ${vocabulary} tokens of which ${endOfText} ends a text; the tokenizer has ${words.size}, and ${words.end} ends one`,
    )
}
