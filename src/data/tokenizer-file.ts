import { z } from 'zod'
import { TubeletError } from '../errors.ts'
import { whitespacePattern, wordPattern } from './words.ts'

/** The special tokens; they hold the last three ids, end of text the highest (CLIP's pooling looks for it). */
export const specialTokens = { pad: '<|pad|>', start: '<|startoftext|>', end: '<|endoftext|>' } as const

// How Hugging Face's tokenizers spell the steps of words.ts.
const normalizer = {
  type: 'Sequence',
  normalizers: [
    { type: 'NFC' },
    { type: 'Replace', pattern: { Regex: whitespacePattern }, content: ' ' },
    { type: 'Strip', strip_left: true, strip_right: true },
    { type: 'Lowercase' },
    { type: 'Prepend', prepend: ' ' },
  ],
}
const preTokenizer = {
  type: 'Sequence',
  pretokenizers: [
    { type: 'Split', pattern: { Regex: wordPattern }, behavior: 'Isolated', invert: false },
    { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
  ],
}
const decoder = {
  type: 'Sequence',
  decoders: [
    { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    { type: 'Strip', content: ' ', start: 1, stop: 0 },
  ],
}

const schema = z.object({
  normalizer: z.unknown(),
  pre_tokenizer: z.unknown(),
  model: z.object({
    type: z.literal('BPE'),
    vocab: z.record(z.string(), z.int().min(0)),
    merges: z.array(z.union([z.string(), z.tuple([z.string(), z.string()])])),
  }),
})

/** What a `tokenizer.json` holds beyond its fixed parts. */
export interface Vocabulary {
  /** Token of each id; bytes are spelt as in `byteAlphabet`. */
  readonly tokens: readonly string[]
  /** Pairs of ids that become one token, the earliest first, with the id of the result. */
  readonly merges: readonly (readonly [left: number, right: number, merged: number])[]
}

/** GPT-2's printable character for each byte, so that tokens can be written as text. */
export const byteAlphabet: readonly string[] = (() => {
  let next = 256
  const printable = (b: number) => (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xff && b !== 0xad)
  return Array.from({ length: 256 }, (_, b) => String.fromCharCode(printable(b) ? b : next++))
})()

/** The contents of a `tokenizer.json` that Hugging Face's tokenizers open in Python, Rust and JavaScript. */
export function toTokenizerJson({ tokens, merges }: Vocabulary): object {
  const id = (token: string) => tokens.indexOf(token)
  const special = Object.values(specialTokens)
  const template = [
    { SpecialToken: { id: specialTokens.start, type_id: 0 } },
    { Sequence: { id: 'A', type_id: 0 } },
    { SpecialToken: { id: specialTokens.end, type_id: 0 } },
  ]
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: special.map((content) => ({
      id: id(content),
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer,
    pre_tokenizer: preTokenizer,
    post_processor: {
      type: 'TemplateProcessing',
      single: template,
      pair: [...template, { Sequence: { id: 'B', type_id: 1 } }, template[2]],
      special_tokens: Object.fromEntries(special.map((s) => [s, { id: s, ids: [id(s)], tokens: [s] }])),
    },
    decoder,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      vocab: Object.fromEntries(tokens.map((token, i) => [token, i])),
      merges: merges.map(([left, right]) => `${tokens[left]} ${tokens[right]}`),
    },
  }
}

/** The `tokenizer_config.json` with which transformers opens the tokenizer; `length` ids go into the text encoder. */
export const toTokenizerConfig = (length: number): object => ({
  tokenizer_class: 'PreTrainedTokenizerFast',
  model_max_length: length,
  bos_token: specialTokens.start,
  eos_token: specialTokens.end,
  pad_token: specialTokens.pad,
  clean_up_tokenization_spaces: false,
})

/** Reads the contents of a `tokenizer.json` that `toTokenizerJson` wrote; others are refused. `where` names the file. */
export function fromTokenizerJson(json: unknown, where = 'tokenizer.json'): Vocabulary {
  const parsed = schema.safeParse(json)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new TubeletError('input', `${where}: ${issue.path.join('.') || 'the file'}: ${issue.message}`)
  }
  const { model, ...steps } = parsed.data
  if (JSON.stringify([steps.normalizer, steps.pre_tokenizer]) !== JSON.stringify([normalizer, preTokenizer]))
    throw new TubeletError('input', `${where}: cuts text in another way than this version's byte-level tokenizer does`)
  const tokens: string[] = new Array(Object.keys(model.vocab).length).fill('')
  for (const [token, id] of Object.entries(model.vocab)) {
    if (id >= tokens.length || tokens[id] !== '')
      throw new TubeletError('input', `${where}: model.vocab: the ids must be 0 to ${tokens.length - 1}, each once`)
    tokens[id] = token
  }
  const ids = new Map(tokens.map((token, id) => [token, id]))
  const idOf = (token: string) => {
    const id = ids.get(token)
    if (id === undefined) throw new TubeletError('input', `${where}: the token '${token.slice(0, 40)}' has no id`)
    return id
  }
  for (const token of [...byteAlphabet, ...Object.values(specialTokens)]) idOf(token)
  return {
    tokens,
    merges: model.merges.map((merge) => {
      const [left, right = ''] = typeof merge === 'string' ? merge.split(' ') : merge
      return [idOf(left), idOf(right), idOf(left + right)] as const
    }),
  }
}
