import { captionStart, captionVocabulary } from '../data/caption-tokens.ts'
import type { CaptionKind } from '../data/captions.ts'
import { evenFrames } from '../data/frames.ts'
import type { Tokenizer } from '../data/tokenizer.ts'
import { TubeletError } from '../errors.ts'
import type { Clip } from '../files/clip.ts'
import { input } from '../graph/index.ts'
import { type CaptionerConfig, captioner, captionerConfig } from '../models/captioner.ts'
import { params } from '../nn/index.ts'
import { expand } from '../ops/index.ts'
import { loadOnce } from '../runtime/load-once.ts'
import type { Program, Runtime } from '../runtime/runtime.ts'
import { beamSearch, type FoundText } from './beam-search.ts'
import { framesOnWhite } from './frames-on-white.ts'
import type { ModelPart } from './model-part.ts'
import { checkDepths, weightsFor } from './weights.ts'

/** How a caption is written. */
export interface CaptionOptions extends CaptionKind {
  readonly beams?: number // 4
  readonly lengthPenalty?: number // of `beamSearch`; 0.6, as in Wu et al. 2016
  readonly signal?: AbortSignal
}

/** A caption that was written. */
export interface WrittenCaption {
  readonly text: string
  readonly logProbability: number // of all its tokens together
}

/** Writes captions of pictures and clips. */
export interface CaptionWriter {
  readonly config: CaptionerConfig
  caption(clip: Clip, options: CaptionOptions): Promise<WrittenCaption>
  release(): Promise<void>
}

/** A captioner that was read. Throws TubeletError('input') where config, weights and tokenizer do not fit together. */
export async function captionPipeline(part: ModelPart, words: Tokenizer, runtime: Runtime): Promise<CaptionWriter> {
  const { folder: where, arrays } = part
  const config = captionerConfig(part.config)
  const { vision, text, frames } = config
  const { imageSize: size } = vision
  if (vision.channels !== 3) throw new TubeletError('input', `${where}: looks at no pictures of 3 channels`)
  if (text.vocabulary !== captionVocabulary(words))
    throw new TubeletError(
      'input',
      `${where}: the tokenizer gives ${captionVocabulary(words)} ids, not ${text.vocabulary}`,
    )
  checkDepths(where, { num_hidden_layers: Math.max(vision.depth, text.depth) }, arrays)
  const network = () => {
    const p = params()
    return { ...captioner(p, config), constants: () => weightsFor(p, arrays, { where }) }
  }
  // Graphs have fixed shapes: one of each is made when it is first needed.
  const programs = loadOnce<Program>()
  const seeing = (T: number) =>
    programs.get(`see ${T}`, () => {
      const { encode, constants } = network()
      const states = encode(input('pixels', [1, T, 3, size, size]))
      return runtime.load({ states }, { constants: constants() })
    })
  const writing = (M: number, beams: number) =>
    programs.get(`write ${M} ${beams}`, () => {
      const { next, constants } = network()
      const states = expand(input('states', [M, 1, text.width]), [M, beams, text.width])
      const ids = input('ids', [beams, text.context], 'int32')
      return runtime.load({ logits: next(ids, states, input('at', [1], 'int32')) }, { constants: constants() })
    })

  return {
    config,
    async caption(clip, { beams = 4, lengthPenalty = 0.6, signal, ...kind }) {
      const T = clip.count === 1 ? 1 : frames
      const pixels = framesOnWhite(clip, evenFrames(clip.count, T), size)
      const states = Float32Array.from((await (await seeing(T)).run({ pixels })).states)
      const program = await writing(states.length / text.width, beams)
      const next = async (texts: readonly (readonly number[])[]) => {
        const ids = new Int32Array(beams * text.context).fill(words.pad)
        for (const [b, tokens] of texts.entries()) ids.set(tokens, b * text.context)
        const { logits } = await program.run({ ids, states, at: Int32Array.of(texts[0].length - 1) })
        return (logits as Float32Array).subarray(0, texts.length * text.vocabulary)
      }
      const starts = Array.from({ length: text.vocabulary - words.size }, (_, i) => words.size + i)
      const [found] = await beamSearch(next, {
        ...{
          start: captionStart(words, kind),
          end: words.end,
          most: text.context,
          never: [words.start, words.pad, ...starts],
        },
        ...{ beams, lengthPenalty, signal },
      })
      return written(found, words)
    },
    release: programs.release,
  }
}

/** The tokenizer knows small letters alone; a sentence begins with a capital one. */
function written({ tokens, logProbability }: FoundText, words: Tokenizer): WrittenCaption {
  const text = words.decode(tokens)
  return { text: text.endsWith('.') ? text[0].toUpperCase() + text.slice(1) : text, logProbability }
}
