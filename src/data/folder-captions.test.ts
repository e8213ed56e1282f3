import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { conceptSchema } from './captions.ts'
import { captionWords, conceptOf, nameWords } from './folder-captions.ts'

const anyText = fc.string({ unit: 'binary', maxLength: 40 })
const english = fc.stringMatching(/^[a-z]{1,8}( [a-z]{1,8}){0,3}$/)
const chinese = fc.stringMatching(/^[一-龥]{1,8}$/)

test('a caption has an English text, a Chinese one or both, in whichever order its lines stand', () => {
  assert.deepEqual(captionWords('a red heart\n红心\n'), { en: 'a red heart', zh: '红心' })
  assert.deepEqual(captionWords('\ufeff红心\r\n\r\na red heart'.slice(1)), { en: 'a red heart', zh: '红心' })
  assert.deepEqual(captionWords('红心'), { zh: '红心' })
  assert.deepEqual(captionWords('my OK sign，手势'), { zh: 'my OK sign，手势' })
  const lines = fc.array(fc.oneof(english, chinese), { minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(lines, fc.constantFrom('\n', '\r\n', '\n\n  '), (lines, between) => {
      const isChinese = (line: string) => /[一-龥]/.test(line)
      const words = captionWords(lines.join(between))
      assert.equal(words?.en, lines.filter((line) => !isChinese(line)).join(' ') || undefined)
      assert.equal(words?.zh, lines.filter(isChinese).join('') || undefined)
    }),
  )
})

test('whatever a caption file holds, there are words in one line, or none where it is blank', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const words = captionWords(text)
      assert.equal(words === undefined, text.trim() === '')
      if (!words) return
      const { en, zh, language } = conceptSchema.parse(conceptOf(words))
      for (const { label } of [en, zh]) assert.match(label, /^\S(.*\S)?$/su)
      assert.ok(![en.label, zh.label].some((label) => /[\r\n]/.test(label)))
      assert.deepEqual([language === 'zh', language === 'en'], [words.en === undefined, words.zh === undefined])
    }),
    { numRuns: 300 },
  )
})

test('the name of a file is words, and that of its folder where it has no letter', () => {
  for (const [name, words] of [
    ['red_cat.png', { en: 'red cat' }],
    ['deep/er/my-dog-2.final.webp', { en: 'my dog 2.final' }],
    ['红色的猫_2.png', { zh: '红色的猫 2' }],
    ['dog/001.png', { en: 'dog' }],
    ['10_sks dog/001.png', { en: 'sks dog' }],
    ['猫/1/0001.gif', { zh: '猫' }],
    ['001.png', { en: '001' }],
    ['__.png', { en: '__.png' }],
  ] as const)
    assert.deepEqual(nameWords(name), words, name)
  fc.assert(fc.property(anyText, (name) => conceptSchema.safeParse(conceptOf(nameWords(`${name}a.png`))).success))
})

test('equal words are one concept, and other words another', () => {
  const key = (words: Parameters<typeof conceptOf>[0]) => conceptOf(words).codePoint
  assert.equal(key({ en: 'cat' }), key({ en: 'cat' }))
  const all = [{ en: 'cat' }, { en: 'cats' }, { zh: 'cat' }, { en: 'cat', zh: '猫' }, { en: 'cat', zh: '狗' }].map(key)
  assert.equal(new Set(all).size, all.length)
})
