import assert from 'node:assert/strict'
import { test } from 'node:test'
import { captionStart, captionVocabulary, encodeCaption } from './caption-tokens.ts'
import { tokenizer } from './tokenizer.ts'
import { trainTokenizer } from './tokenizer-train.ts'

const words = tokenizer(trainTokenizer(['a red circle', '一个红色圆形'], { size: 280 }))
const kinds = (['en', 'zh'] as const).flatMap((language) =>
  (['short', 'long'] as const).map((detail) => ({ language, detail })),
)

test('each kind of caption has a start token of its own, behind those of the tokenizer', () => {
  const starts = kinds.map((kind) => captionStart(words, kind))
  assert.deepEqual(
    starts,
    [0, 1, 2, 3].map((i) => words.size + i),
  )
  assert.equal(captionVocabulary(words), words.size + 4)
})

test('a caption is its start token, the text, the end and padding', () => {
  for (const kind of kinds) {
    const ids = encodeCaption(words, 'a red circle', { ...kind, length: 20 })
    const text = words.ids('a red circle')
    const rest = new Array<number>(20 - 2 - text.length).fill(words.pad)
    assert.deepEqual([...ids], [captionStart(words, kind), ...text, words.end, ...rest])
  }
})

test('a caption that does not fit is refused: its end would never be learnt', () => {
  const count = words.ids('a red circle').length
  assert.throws(() => encodeCaption(words, 'a red circle', { ...kinds[0], length: count + 1 }), {
    message: `a caption of ${count} tokens is too long for ${count + 1}: 'a red circle'`,
  })
  assert.equal(encodeCaption(words, 'a red circle', { ...kinds[0], length: count + 2 }).at(-1), words.end)
})
